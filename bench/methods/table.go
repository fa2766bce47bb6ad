package methods

import (
	"cmp"
	"fmt"
	"math"

	"github.com/marr-ssl/marr/bench"
)

// notes returns the lines below the table.
func (c *Comparison) notes() []string { return append(c.alarms(), c.rankings()...) }

// alarms returns the alarms of the collapse watch, one per line.
func (c *Comparison) alarms() (lines []string) {
	for _, x := range c.Runs {
		for _, alarm := range x.Alarms {
			lines = append(lines, x.Name+": "+alarm)
		}
	}
	return lines
}

func (c *Comparison) title() string {
	return fmt.Sprintf("Accuracy in percent after training on %d images of %s without labels (supervised: with labels), on %d test images. "+
		"±: standard deviation over seeds; linear10: linear probe on 10 labels per class, mean of 20 draws; gain: linear10 minus that of the untrained network; "+
		"rank: RankMe of the test features. Below a row: PyTorch with the same recipe and number of steps, and the difference with its lower limit, "+
		"−(2 + 2 standard errors) for linear and −(3 + 2 standard errors) for linear10.",
		c.Images, c.Data, c.TestImages)
}

func (c *Comparison) table() *bench.Table {
	t := &bench.Table{FirstNumber: 1, Head: []string{"method", "epochs", "runs", "kNN-1", "kNN-20", "linear", "linear10", "gain", "rank", "pretext",
		"embedding std", "seconds"}}
	for _, x := range []Run{c.RawPixels, c.Untrained, c.UntrainedViT} {
		if x.Name != "" {
			add(t, x.Name, "", []Outcome{x.Outcome}, "", "")
		}
	}
	for _, runs := range c.groups() {
		var marr, pytorch []Outcome
		std := 0.0
		for _, x := range runs {
			marr, std = append(marr, x.Outcome), std+x.EmbeddingStd/float64(len(runs))
			if x.Peer != nil {
				pytorch = append(pytorch, x.Peer.Outcome)
			}
		}
		add(t, runs[0].Group, fmt.Sprint(runs[0].Config.Epochs), marr, c.gain(runs[0].Config.Arch, marr), formatStd(std))
		if len(pytorch) < len(marr) {
			continue
		}
		add(t, "· PyTorch "+runs[0].Peer.Torch, "", pytorch, "", "")
		t.Add("· marr − PyTorch", "", "", "", "", c.compare(marr, pytorch, linear, 2), c.compare(marr, pytorch, linear10, 3), "", "", "", "", "")
	}
	return t
}

// formatStd returns "" if the method has no embeddings.
func formatStd(std float64) string {
	if std == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f", std)
}

// groups returns the runs of each recipe.
func (c *Comparison) groups() (out [][]Run) {
	at := map[string]int{}
	for _, x := range c.Runs {
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

// gain formats how much higher linear10 is than that of the untrained network; "" if the runs have no scores.
func (c *Comparison) gain(arch string, runs []Outcome) string {
	few, _ := meanAndStd(runs, linear10)
	if few == 0 {
		return ""
	}
	untrained := c.Untrained
	if c.UntrainedViT.Name != "" && arch == c.UntrainedViT.Config.Arch {
		untrained = c.UntrainedViT
	}
	return fmt.Sprintf("%+.1f", few-untrained.Linear10)
}

// add adds the row of a recipe's runs.
func add(t *bench.Table, name, epochs string, runs []Outcome, gain, std string) {
	show := func(f func(Outcome) float64) string {
		mean, std := meanAndStd(runs, f)
		if math.IsNaN(mean) || mean == 0 { // a run that stopped at a non-finite value has no scores
			return ""
		}
		if len(runs) == 1 {
			return fmt.Sprintf("%.1f", mean)
		}
		return fmt.Sprintf("%.1f ± %.1f", mean, std)
	}
	count := ""
	if epochs != "" {
		count = fmt.Sprint(len(runs))
	}
	t.Add(name, epochs, count, show(func(o Outcome) float64 { return o.KNN1 }), show(func(o Outcome) float64 { return o.KNN20 }),
		show(linear), show(linear10), gain,
		show(func(o Outcome) float64 { return o.Rank }), show(pretext), std, show(seconds))
}

func pretext(o Outcome) float64 {
	if o.Pretext == nil {
		return math.NaN()
	}
	return *o.Pretext
}

func seconds(o Outcome) float64 { return cmp.Or(o.Seconds, math.NaN()) }

// compare formats the difference of the means and its lower limit, −(points + 2 standard errors).
func (c *Comparison) compare(marr, pytorch []Outcome, f func(Outcome) float64, points float64) string {
	a, b := c.estimate(marr, f), c.estimate(pytorch, f)
	limit := -(points + 2*math.Sqrt(a.variance+b.variance))
	difference := fmt.Sprintf("%+.1f", a.mean-b.mean)
	if a.mean-b.mean < limit {
		difference = "**" + difference + "**, below"
	}
	return fmt.Sprintf("%s (limit %.1f)", difference, limit)
}

// estimate is a mean and its variance.
type estimate struct{ mean, variance float64 }

// estimate returns the mean over runs. The variance of one run is the larger of the runs' sample variance and that of a proportion of the
// test images, p(1−p)/n.
func (c *Comparison) estimate(runs []Outcome, f func(Outcome) float64) estimate {
	mean, std := meanAndStd(runs, f)
	variance := max(std*std, mean*(100-mean)/float64(c.TestImages))
	return estimate{mean, variance / float64(len(runs))}
}

// meanAndStd returns the mean and the sample standard deviation, which is 0 for one run.
func meanAndStd(runs []Outcome, f func(Outcome) float64) (mean, std float64) {
	for _, x := range runs {
		mean += f(x) / float64(len(runs))
	}
	for _, x := range runs {
		std += (f(x) - mean) * (f(x) - mean)
	}
	return mean, math.Sqrt(std / float64(max(1, len(runs)-1)))
}
