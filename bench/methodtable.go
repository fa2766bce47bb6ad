package bench

import (
	"cmp"
	"fmt"
	"io"
	"math"
)

// print writes what was learned as text.
func (m *Methods) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", m.title())
	m.table().text(w)
	for _, line := range m.alarms() {
		fmt.Fprintln(w, line)
	}
}

func (m *Methods) markdown(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n\n", m.title())
	m.table().markdown(w)
	for i, line := range m.alarms() {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "- "+line)
	}
}

// alarms are what the collapse watch said, a line each.
func (m *Methods) alarms() (lines []string) {
	for _, x := range m.Runs {
		for _, alarm := range x.Alarms {
			lines = append(lines, x.Name+": "+alarm)
		}
	}
	return lines
}

func (m *Methods) title() string {
	return fmt.Sprintf("What each method learns from %d images of %s without labels (supervised: with them), judged on %d. Percent; ±: standard deviation over runs of "+
		"several seeds; linear10: probe on 10 labels a class, mean of 20 draws; rank: RankMe of the test features; below a row PyTorch at the same recipe and as many steps.",
		m.Images, m.Data, m.Test)
}

func (m *Methods) table() *table {
	t := &table{head: []string{"method", "epochs", "runs", "kNN-1", "kNN-20", "linear", "linear10", "over untrained", "rank", "pretext", "embedding std", "s"}, right: 1}
	for _, x := range []Learned{m.Raw, m.Random} {
		m.add(t, x.Name, "", []Outcome{x.Outcome}, "")
	}
	for _, runs := range m.groups() {
		var ours, theirs []Outcome
		std := 0.0
		for _, x := range runs {
			ours, std = append(ours, x.Outcome), std+x.Std/float64(len(runs))
			if x.Peer != nil {
				theirs = append(theirs, x.Peer.Outcome)
			}
		}
		m.add(t, runs[0].Group, fmt.Sprint(runs[0].Config.Epochs), ours, deviation(std))
		if len(theirs) < len(ours) {
			continue
		}
		m.add(t, "· PyTorch "+runs[0].Peer.Torch, "", theirs, "")
		t.add("· ours less theirs", "", "", "", "", m.compare(ours, theirs, linear, 2), m.compare(ours, theirs, linear10, 3), "", "", "", "", "")
	}
	return t
}

// deviation is "" where no embeddings were looked at.
func deviation(std float64) string {
	if std == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f", std)
}

// groups are the runs of each recipe.
func (m *Methods) groups() (out [][]Learned) {
	at := map[string]int{}
	for _, x := range m.Runs {
		i, ok := at[x.Group]
		if !ok {
			i = len(out)
			at[x.Group], out = i, append(out, nil)
		}
		out[i] = append(out[i], x)
	}
	return out
}

func linear(o Outcome) float64   { return o.Linear }
func linear10(o Outcome) float64 { return o.Linear10 }

// add writes a row.
func (m *Methods) add(t *table, name, epochs string, runs []Outcome, std string) {
	show := func(f func(Outcome) float64) string {
		mid, dev := meanAndDeviation(runs, f)
		if math.IsNaN(mid) || mid == 0 { // a run that was halted has no figures
			return ""
		}
		if len(runs) == 1 {
			return fmt.Sprintf("%.1f", mid)
		}
		return fmt.Sprintf("%.1f ± %.1f", mid, dev)
	}
	few, _ := meanAndDeviation(runs, linear10)
	over, count := "", ""
	if epochs != "" {
		count = fmt.Sprint(len(runs))
	}
	if epochs != "" && few > 0 {
		over = fmt.Sprintf("%+.1f", few-m.Random.Linear10)
	}
	t.add(name, epochs, count, show(func(o Outcome) float64 { return o.KNN1 }), show(func(o Outcome) float64 { return o.KNN20 }), show(linear), show(linear10), over,
		show(func(o Outcome) float64 { return o.Rank }), show(pretext), std, show(seconds))
}

func pretext(o Outcome) float64 {
	if o.Pretext == nil {
		return math.NaN()
	}
	return *o.Pretext
}

func seconds(o Outcome) float64 { return cmp.Or(o.Seconds, math.NaN()) }

// compare says how far our mean is from theirs, and whether it is at least theirs less points + 2·SE.
func (m *Methods) compare(ours, theirs []Outcome, f func(Outcome) float64, points float64) string {
	a, b := m.estimate(ours, f), m.estimate(theirs, f)
	bar := points + 2*math.Sqrt(a.variance+b.variance)
	verdict := "within"
	if a.mean-b.mean < -bar {
		verdict = "**short of**"
	}
	return fmt.Sprintf("%+.1f, %s %.1f", a.mean-b.mean, verdict, bar)
}

// estimate is a mean with its variance.
type estimate struct{ mean, variance float64 }

// estimate takes as a run's variance the larger of what the runs show and that of a share of the test images, p(1−p)/n.
func (m *Methods) estimate(runs []Outcome, f func(Outcome) float64) estimate {
	mid, dev := meanAndDeviation(runs, f)
	of := max(dev*dev, mid*(100-mid)/float64(m.Test))
	return estimate{mid, of / float64(len(runs))}
}

// meanAndDeviation is mean and standard deviation, 0 for one run.
func meanAndDeviation(runs []Outcome, f func(Outcome) float64) (mid, dev float64) {
	for _, x := range runs {
		mid += f(x) / float64(len(runs))
	}
	for _, x := range runs {
		dev += (f(x) - mid) * (f(x) - mid)
	}
	return mid, math.Sqrt(dev / float64(max(1, len(runs)-1)))
}
