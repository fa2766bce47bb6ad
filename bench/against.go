package bench

import (
	"fmt"
	"io"
	"math"
)

// Ratio is how much faster a row or step became: above 1 is faster.
type Ratio struct {
	Group, Name string
	Value       float64
}

// Against compares with an older report, row by row and step by step; what only one of the two has is left out. Rates are compared, so
// batches may differ.
func (r *Report) Against(old *Report) (rows, steps []Ratio) {
	was := map[string]Row{}
	for _, x := range old.Rows {
		was[x.key()] = x
	}
	for _, x := range r.Rows {
		if y, ok := was[x.key()]; ok && x.pace() > 0 && y.pace() > 0 {
			rows = append(rows, Ratio{x.Pass, x.Group + ": " + x.Name, x.pace() / y.pace()})
		}
	}
	before := map[StepOptions]Step{}
	for _, x := range old.Steps {
		before[x.shape()] = x
	}
	for _, x := range r.Steps {
		if y, ok := before[x.shape()]; ok && y.ViewsPerS > 0 {
			steps = append(steps, Ratio{"step", x.StepOptions.String(), x.ViewsPerS / y.ViewsPerS})
		}
	}
	return rows, steps
}

func (r Row) key() string { return r.Group + "\x00" + r.Name + "\x00" + r.Pass }

// pace is the rate that a row is judged by.
func (r Row) pace() float64 {
	if r.Memory {
		return r.GBS
	}
	return r.GFLOPS
}

// geomean is the geometric mean of ratios.
func geomean(list []Ratio) float64 {
	var sum float64
	for _, x := range list {
		sum += math.Log(x.Value)
	}
	return math.Exp(sum / float64(len(list)))
}

// PrintAgainst writes every ratio new/old, the geometric mean of each pass, and that of all rows.
func (r *Report) PrintAgainst(w io.Writer, old *Report) {
	rows, steps := r.Against(old)
	name := old.Commit
	if old.Label != "" {
		name = old.Label + ", " + name
	}
	fmt.Fprintf(w, "\nagainst %s (%s, %s): rates new/old, above 1 is faster\n", name, old.Device.Name, old.Date.Format("2006-01-02"))
	if old.Device.Name != r.Device.Name {
		fmt.Fprintln(w, "  the devices differ: ratios compare devices, not programs")
	}
	t := &table{head: []string{"row", "pass", "ratio"}, right: 2}
	passes, order := map[string][]Ratio{}, []string{}
	for _, x := range append(rows, steps...) {
		if passes[x.Group] == nil {
			order = append(order, x.Group)
		}
		passes[x.Group] = append(passes[x.Group], x)
		t.add(x.Name, x.Group, figure(x.Value))
	}
	if len(order) == 0 {
		fmt.Fprintln(w, "  no row or step is in both")
		return
	}
	for _, p := range order {
		t.add(fmt.Sprintf("geometric mean of %d", len(passes[p])), p, figure(geomean(passes[p])))
	}
	if len(rows) > 0 {
		t.add(fmt.Sprintf("geometric mean of %d", len(rows)), "all rows", figure(geomean(rows)))
	}
	t.text(w)
}
