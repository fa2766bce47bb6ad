package page

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxPoints is the largest number of points of a line on a chart.
const maxPoints = 1200

// Chart is a diagram of a metric over the steps of all runs that have it.
type Chart struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	About string `json:"-"`
	Log   bool   `json:"log"` // a logarithmic axis at first
	Lines []Line `json:"lines"`
}

// Line is a line of a chart.
type Line struct {
	Run     int       `json:"run"`
	Name    string    `json:"name"`  // of the run and, if the chart has several metrics, of the metric
	Limit   bool      `json:"limit"` // the limit of an alarm
	Part    int       `json:"part"`  // number of the metric on the chart
	Steps   []float64 `json:"x"`
	Values  []float64 `json:"y"`
	Summary string    `json:"-"`
}

// diagram describes a chart. Metrics that no diagram names get one each.
type diagram struct {
	title, about string
	log          bool
	metrics      []metric
}

// metric is a metric of a diagram, by its key in metrics.jsonl.
type metric struct{ key, name, limit string }

var diagrams = []diagram{
	{title: "Loss", metrics: []metric{{key: "loss"}}},
	{title: "Accuracy on labels, %", about: "k nearest neighbors and a linear probe on frozen features, measured during training.",
		metrics: []metric{{key: "knn1", name: "kNN, k = 1, %"}, {key: "knn20", name: "kNN, k = 20, %"}, {key: "linear", name: "Linear probe, %"}}},
	{title: "Effective rank of the features (RankMe)", about: "Of the backbone, without labels. A higher rank mostly means better features of one method.",
		metrics: []metric{{key: "feature_rank"}}},
	{title: "Neighbors that stayed the same", about: "Fraction of nearest neighbors that an image kept since the measurement before.",
		metrics: []metric{{key: "neighbors_kept"}}},
	{title: "Accuracy of the training task, 0 to 1", about: "On training images: of finding the other view of an image, of guessing how it was changed, or of predicting its label.",
		metrics: []metric{{key: "accuracy"}}},
	{title: "Effective rank of the embeddings", about: "Below the limit the collapse alarm is raised, if it lasts.",
		metrics: []metric{{key: "rank", limit: "rank_limit"}}},
	{title: "Spread of the embeddings", about: "Standard deviation of L2-normalized embeddings. Below the limit all images have nearly the same embedding.",
		metrics: []metric{{key: "embedding_std", limit: "embedding_std_limit"}}},
	{title: "Mean cosine of two images", about: "Of embeddings: 0 if they are spread uniformly, 1 if all are equal.", metrics: []metric{{key: "cosine"}}},
	{title: "Entropy of the teacher, nats", about: "Above the limit the teacher's output does not depend on the image.",
		metrics: []metric{{key: "teacher_entropy", limit: "teacher_entropy_limit"}}},
	{title: "Entropy of the teacher's mean output, nats", about: "Below the limit one prototype takes all images.",
		metrics: []metric{{key: "teacher_marginal", limit: "teacher_marginal_limit"}}},
	{title: "Divergence of the teacher's outputs, nats", about: "Mean KL divergence from their mean: 0 in both collapses of a teacher.", metrics: []metric{{key: "teacher_kl"}}},
	{title: "Gradient norm", log: true, metrics: []metric{{key: "grad_norm"}}},
	{title: "Learning rate", metrics: []metric{{key: "lr"}}},
	{title: "Images per second", metrics: []metric{{key: "images_per_second"}}},
}

// charts returns the charts of runs that have values.
func charts(runs []*Run) (out []Chart) {
	shown := map[string]bool{}
	for _, d := range diagrams {
		for _, m := range d.metrics {
			shown[m.key], shown[m.limit] = true, true
		}
	}
	all := slices.Clone(diagrams)
	for _, key := range keys(runs) {
		if !shown[key] {
			all = append(all, diagram{title: strings.ReplaceAll(key, "_", " "), metrics: []metric{{key: key}}})
		}
	}
	if len(runs) > 1 {
		all = separate(all)
	}
	for _, d := range all {
		c := Chart{ID: "chart" + strconv.Itoa(len(out)), Title: d.title, About: d.about, Log: d.log}
		for i, r := range runs {
			c.addRun(d, i, r)
		}
		if len(c.Lines) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// separate returns the diagrams with one metric each: the lines of a chart with several runs are told apart by their runs.
func separate(all []diagram) (out []diagram) {
	for _, d := range all {
		for _, m := range d.metrics {
			one := d
			if m.name != "" {
				one.title, m.name = m.name, ""
			}
			one.metrics = []metric{m}
			out = append(out, one)
		}
	}
	return out
}

// keys returns the names of the metrics of runs, sorted.
func keys(runs []*Run) []string {
	all := map[string]bool{}
	for _, r := range runs {
		for key := range r.series {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func (c *Chart) addRun(d diagram, number int, r *Run) {
	for part, m := range d.metrics {
		s := r.series[m.key]
		if s == nil {
			continue
		}
		l := Line{Run: number, Name: r.Label, Part: part}
		if m.name != "" {
			l.Name += ": " + m.name
		}
		var per int
		l.Steps, l.Values, per = thin(s)
		l.Summary = s.summary()
		if per > 1 {
			l.Summary += fmt.Sprintf("; a point is the mean of %d steps", per)
		}
		c.Lines = append(c.Lines, l)
		if limit := r.series[m.limit]; limit != nil {
			l := Line{Run: number, Name: r.Label + ": alarm limit", Part: part, Limit: true}
			l.Steps, l.Values, _ = thin(limit)
			l.Summary = fmt.Sprintf("at the end %s", number4(limit.last()))
			c.Lines = append(c.Lines, l)
		}
	}
}

// thin returns at most maxPoints points of a series: means of `per` values, at the last of their steps.
func thin(s *series) (steps, values []float64, per int) {
	per = (len(s.values) + maxPoints - 1) / maxPoints
	for first := 0; first < len(s.values); first += per {
		end := min(first+per, len(s.values))
		sum := 0.0
		for _, v := range s.values[first:end] {
			sum += v
		}
		steps, values = append(steps, s.steps[end-1]), append(values, sum/float64(end-first))
	}
	return steps, values, per
}

// summary describes a series in words.
func (s *series) summary() string {
	low, high := 0, 0
	for i, v := range s.values {
		if v < s.values[low] {
			low = i
		}
		if v > s.values[high] {
			high = i
		}
	}
	if len(s.values) == 1 {
		return fmt.Sprintf("%s at step %.0f", number4(s.values[0]), s.steps[0])
	}
	return fmt.Sprintf("from %s to %s; lowest %s at step %.0f, highest %s at step %.0f", number4(s.values[0]), number4(s.last()),
		number4(s.values[low]), s.steps[low], number4(s.values[high]), s.steps[high])
}

// number4 returns a number with four significant digits.
func number4(v float64) string {
	if math.Abs(v) >= 1000 && math.Abs(v) < 1e7 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
