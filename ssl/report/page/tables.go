package page

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// tableRow is a row of a table with a column for each run.
type tableRow struct {
	Name  string
	Cells []string
}

// fact is a row of the overview. value returns "" for a run without it.
type fact struct {
	name  string
	value func(r *Run) string
}

var overview = []fact{
	{"Folder", func(r *Run) string {
		if r.Name != r.Label {
			return r.Name
		}
		return ""
	}},
	{"Images", func(r *Run) string {
		if r.Images > 0 {
			return fmt.Sprintf("%s (%d images)", r.Saved.Data, r.Images)
		}
		return r.Saved.Data
	}},
	{"Method", func(r *Run) string { return r.Saved.Method }},
	{"Network", func(r *Run) string { return r.Saved.Arch }},
	{"Views", func(r *Run) string { return fmt.Sprintf("%d px", r.Saved.Size) }},
	{"Plan", func(r *Run) string {
		return fmt.Sprintf("epochs: %d, batch: %d, %s, learning rate %s", r.Saved.Epochs, r.Saved.Batch, r.Saved.Optimizer, number4(r.Saved.LR))
	}},
	{"Trained", (*Run).progress},
	{"Started", func(r *Run) string {
		if t, err := time.Parse(time.RFC3339, r.started); err == nil {
			return t.Format("2006-01-02 15:04 MST")
		}
		return ""
	}},
	{"Time of training", func(r *Run) string {
		if r.seconds == 0 {
			return ""
		}
		text := time.Duration(r.seconds * float64(time.Second)).Round(time.Second).String()
		if r.sessions > 1 {
			text += fmt.Sprintf(" in %d parts", r.sessions)
		}
		return text
	}},
	{"Device", func(r *Run) string { return r.device }},
	{"Loss at the end", last("loss")},
	{"kNN, k = 1, %", last("knn1")},
	{"kNN, k = 20, %", last("knn20")},
	{"Linear probe, %", last("linear")},
	{"Effective rank of the features", last("feature_rank")},
	{"Effective rank of the embeddings", last("rank")},
	{"Alarms", func(r *Run) string {
		if len(r.Alarms) > 0 {
			return fmt.Sprint(len(r.Alarms))
		}
		return "none"
	}},
}

// last returns the last value of a metric: of steps, the mean of the last twentieth.
func last(key string) func(*Run) string {
	return func(r *Run) string {
		s := r.series[key]
		if s == nil {
			return ""
		}
		n := max(1, len(s.values)/20)
		sum := 0.0
		for _, v := range s.values[len(s.values)-n:] {
			sum += v
		}
		return number4(sum / float64(n))
	}
}

// facts returns the rows of the overview that at least one run has.
func facts(runs []*Run) (rows []tableRow) {
	for _, f := range overview {
		row := tableRow{Name: f.name}
		for _, r := range runs {
			row.Cells = append(row.Cells, f.value(r))
		}
		if strings.Join(row.Cells, "") != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// cautions returns what a reader must not compare among runs.
func cautions(runs []*Run) (out []string) {
	data, methods := map[string]bool{}, map[string]bool{}
	for _, r := range runs {
		data[r.Saved.Data], methods[r.Saved.Method] = true, true
	}
	if len(data) > 1 {
		out = append(out, "The runs were trained on different images: their losses, and ranks of features, cannot be compared.")
	}
	if len(methods) > 1 {
		out = append(out, "The runs have different methods: their losses cannot be compared.")
	}
	return out
}

// settingsTable holds the settings of runs: those that differ, of one run those that are no defaults, and the others, which have one column.
type settingsTable struct{ Different, Equal []tableRow }

func settingsOf(runs []*Run) (t settingsTable) {
	var order []string
	chosen := map[string]bool{}
	values := make([]map[string]string, len(runs))
	for i, r := range runs {
		values[i] = map[string]string{}
		for _, s := range r.Saved.Settings() {
			text := unquoted(s.Value)
			if s.Origin != "default" {
				text += " (" + s.Origin + ")"
				chosen[s.Key] = true
			}
			if values[i][s.Key] = text; !slices.Contains(order, s.Key) {
				order = append(order, s.Key)
			}
		}
	}
	for _, key := range order {
		row := tableRow{Name: key}
		for _, v := range values {
			row.Cells = append(row.Cells, v[key])
		}
		if len(slices.Compact(slices.Clone(row.Cells))) > 1 || len(runs) == 1 && chosen[key] {
			t.Different = append(t.Different, row)
		} else {
			t.Equal = append(t.Equal, tableRow{key, row.Cells[:1]})
		}
	}
	return t
}

// unquoted returns a value without the quotes of TOML.
func unquoted(value string) string {
	if text, ok := strings.CutPrefix(value, "'''"); ok {
		return strings.TrimSpace(strings.TrimSuffix(text, "'''"))
	}
	return strings.Trim(value, `"`)
}
