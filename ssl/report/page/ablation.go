package page

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/marr-ssl/marr/ssl/ablate"
)

// Ablation is a sweep of short runs in a report. It has a page of its own.
type Ablation struct {
	*ablate.Study
	Name     string            // of the folder, as the user gave it
	Command  string            // the last one that trained runs; "": unknown
	Compare  string            // a command that compares two runs whose folders were kept; "": there are none
	Facts    []Fact            // in words
	Settings []Fact            // of all runs
	Notes    []string          // what a reader should know, such as that runs are missing
	Views    map[string]string // as TOML, by the name of a cell; none of a cell with the views of the method
}

// Fact is a row of a table with two columns.
type Fact struct{ Name, Value string }

// scorePart is a score of an ablation.
type scorePart struct {
	Title   string
	Decides bool
	Corner  string       // of the table
	Picture template.URL // "": no run has the score
	Columns []string     // of the map, the last one is the mean of a row; none for a curve
	Rows    []tableRow
}

// Parts returns the scores, the one that decides first.
func (a *Ablation) Parts() (parts []scorePart, err error) {
	for i, score := range a.Scores() {
		p := scorePart{Title: scoreTitle(score), Decides: i == 0, Corner: scoreTitle(score)}
		if a.Has(score) {
			var png bytes.Buffer
			if err := a.WritePicture(&png, score); err != nil {
				return nil, err
			}
			p.Picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png.Bytes()))
		}
		if len(a.Axes) == 2 {
			p.Columns = append(slices.Clone(a.Axes[1].Values), "row mean")
			if !a.Augmentations {
				p.Corner = a.Axes[0].Name + " \\ " + a.Axes[1].Name
			}
			for i, row := range a.Table(score).Cells {
				r := tableRow{Name: a.Axes[0].Values[i]}
				for _, x := range append(row, a.RowMean(score, i).Alone()) {
					r.Cells = append(r.Cells, x.String())
				}
				p.Rows = append(p.Rows, r)
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// ScoreTitles returns the titles of the scores.
func (a *Ablation) ScoreTitles() (out []string) {
	for _, score := range a.Scores() {
		out = append(out, scoreTitle(score))
	}
	return out
}

func scoreTitle(score string) string {
	if ablate.IsPercent(score) {
		return ablate.Title(score) + ", %"
	}
	return ablate.Title(score)
}

// cellRow is a cell with its scores over the seeds.
type cellRow struct {
	Name, Runs, Remark, Views string
	Scores                    []string
	decides                   ablate.Stat
}

// Ranking returns the cells that have results, and the untrained network, best first.
func (a *Ablation) Ranking() (rows []cellRow) {
	untrained := cellRow{Name: "untrained network", decides: ablate.Stat{Mean: a.Untrained[a.Score], N: 1}}
	for _, score := range a.Scores() {
		untrained.Scores = append(untrained.Scores, ablate.Stat{Mean: a.Untrained[score], N: 1}.String())
	}
	rows = append(rows, untrained)
	cells := a.Cells()
	for _, c := range cells[:len(cells)/max(len(a.Seeds), 1)] {
		row := cellRow{Name: c.Name, Views: a.Views[c.Name], decides: a.At(a.Score, c.At...)}
		if a.Augmentations && c.At == nil {
			row.Name = "all of the method"
		}
		for _, score := range a.Scores() {
			row.Scores = append(row.Scores, a.At(score, c.At...).String())
		}
		var runs, alarms, failures int
		for _, r := range a.Results {
			if r.Name != c.Name {
				continue
			}
			if runs++; r.Failure != "" {
				failures++
			} else if len(r.Alarms) > 0 {
				alarms++
			}
		}
		if runs == 0 {
			continue
		}
		row.Runs, row.Remark = fmt.Sprint(runs), remark(alarms, failures)
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(x, y cellRow) int {
		return cmp.Or(cmp.Compare(min(y.decides.N, 1), min(x.decides.N, 1)), cmp.Compare(y.decides.Mean, x.decides.Mean))
	})
	return rows
}

// remark says how many runs of a cell went wrong.
func remark(alarms, failures int) string {
	var parts []string
	for _, x := range []struct {
		n    int
		text string
	}{{failures, "diverged"}, {alarms, "raised an alarm"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.text))
		}
	}
	return strings.Join(parts, ", ")
}

// RunRows returns a row for each run: cell, seed, scores, loss, steps, time and what went wrong.
func (a *Ablation) RunRows() (rows []tableRow) {
	for _, r := range a.Results {
		row := tableRow{Name: r.Name, Cells: []string{fmt.Sprint(r.Seed)}}
		for _, score := range append(a.Scores(), ablate.Loss) {
			text := ""
			if v, ok := r.Scores[score]; ok {
				text = number4(v)
			}
			row.Cells = append(row.Cells, text)
		}
		took := time.Duration(r.Seconds * float64(time.Second)).Round(time.Second)
		wrong := strings.Join(r.Alarms, "; ")
		if r.Failure != "" {
			wrong = "diverged: " + r.Failure
		}
		rows = append(rows, tableRow{r.Name, append(row.Cells, fmt.Sprint(r.Steps), took.String(), wrong)})
	}
	return rows
}
