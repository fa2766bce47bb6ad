package bench

import (
	"fmt"
	"io"
	"math"
)

// SpeedUp is the new rate of a row or step over its old rate. Above 1 is faster.
type SpeedUp struct {
	Pass, Name string // the pass of a kernel row, or "step"
	Value      float64
}

// Compare returns the speed-ups over older results, for the rows and the steps that both contain. It compares rates, so batches may differ.
func (r *Results) Compare(old *Results) (rows, steps []SpeedUp) {
	oldRows := map[string]Row{}
	for _, x := range old.Rows {
		oldRows[x.key()] = x
	}
	for _, x := range r.Rows {
		if y, ok := oldRows[x.key()]; ok && x.rate() > 0 && y.rate() > 0 {
			rows = append(rows, SpeedUp{x.Pass, x.Group + ": " + x.Name, x.rate() / y.rate()})
		}
	}
	oldSteps := map[string]Step{}
	for _, x := range old.Steps {
		oldSteps[x.key()] = x
	}
	for _, x := range r.Steps {
		if y, ok := oldSteps[x.key()]; ok && y.ViewsPerS > 0 {
			steps = append(steps, SpeedUp{"step", x.StepOptions.String(), x.ViewsPerS / y.ViewsPerS})
		}
	}
	return rows, steps
}

func (r Row) key() string { return r.Group + "\x00" + r.Name + "\x00" + r.Pass }

// rate returns GB/s for a memory-bound row, GFLOP/s for others.
func (r Row) rate() float64 {
	if r.MemoryBound {
		return r.GBS
	}
	return r.GFLOPS
}

// geometricMean returns the geometric mean of speed-ups.
func geometricMean(list []SpeedUp) float64 {
	var sum float64
	for _, x := range list {
		sum += math.Log(x.Value)
	}
	return math.Exp(sum / float64(len(list)))
}

// PrintComparison writes every speed-up over older results, the geometric mean of each pass, and that of all rows.
func (r *Results) PrintComparison(w io.Writer, old *Results) {
	rows, steps := r.Compare(old)
	name := old.Commit
	if old.Label != "" {
		name = old.Label + ", " + name
	}
	fmt.Fprintf(w, "\nspeed-up over %s (%s, %s): new rate / old rate, above 1 is faster\n", name, old.Device.Name, old.Date.Format("2006-01-02"))
	if old.Device.Name != r.Device.Name {
		fmt.Fprintln(w, "  the devices differ, so the ratios compare devices, not programs")
	}
	t := &Table{Head: []string{"row", "pass", "speed-up"}, FirstNumber: 2}
	passes, order := map[string][]SpeedUp{}, []string{}
	for _, x := range append(rows, steps...) {
		if passes[x.Pass] == nil {
			order = append(order, x.Pass)
		}
		passes[x.Pass] = append(passes[x.Pass], x)
		t.Add(x.Name, x.Pass, formatNumber(x.Value))
	}
	if len(order) == 0 {
		fmt.Fprintln(w, "  the two files have no row and no step in common")
		return
	}
	for _, p := range order {
		t.Add(fmt.Sprintf("geometric mean of %d", len(passes[p])), p, formatNumber(geometricMean(passes[p])))
	}
	if len(rows) > 0 {
		t.Add(fmt.Sprintf("geometric mean of %d", len(rows)), "all rows", formatNumber(geometricMean(rows)))
	}
	t.WriteText(w)
}
