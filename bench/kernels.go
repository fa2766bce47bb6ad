package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"marr/kernels"
	"marr/vk"
)

// Row is one pass of one case, measured.
type Row struct {
	Group   string  `json:"group"`
	Name    string  `json:"name"`
	Pass    string  `json:"pass"`
	Kernel  string  `json:"kernel,omitempty"` // the dispatch that took longest, and how many there are beside it
	Batch   int     `json:"batch"`            // images or rows of a run
	Full    int     `json:"full_batch"`       // of a run on a fast device
	GFLOP   float64 `json:"gflop"`
	GB      float64 `json:"gb"` // 10⁹ bytes, the least that must be moved
	Time    Spread  `json:"time"`
	GFLOPS  float64 `json:"gflop_per_s"`
	GBS     float64 `json:"gb_per_s"`
	Memory  bool    `json:"memory_bound"`    // the share is of the copy bandwidth, not of the FMA peak
	Share   float64 `json:"share_of_peak"`   // 0 … 1
	Problem string  `json:"error,omitempty"` // why the row has no figures
}

// KernelOptions say what Kernels measures and for how long.
type KernelOptions struct {
	Filter *regexp.Regexp // of "group name pass"; nil: everything
	Runs   int            // of each pass, after one that is thrown away; 0: defaultRuns
	Tuner  *kernels.Tuner // nil: the static rule chooses kernels
}

const (
	defaultRuns = 7
	rowTime     = 200 * time.Millisecond // what a pass should take at most on a slow device
	caseTime    = 5 * time.Second        // beyond this a case gets no further runs than leastRuns
	leastRuns   = 3
)

// What slow devices were seen to reach of their peaks at worst: a guess, which only decides by how much batches are cut.
const (
	poorFMA  = 0.08
	poorCopy = 0.25
)

// Scale is the batch that a case is measured at: on a slow device (peak below 1 TFLOP/s) the full one halved until no pass should take more
// than rowTime, but at least 2.
func Scale(c Case, p Peak) int {
	n := c.Batch
	if !p.slow() {
		return n
	}
	for n > 2 && slices.ContainsFunc(c.Passes, func(x Pass) bool { return x.estimate(n, p) > rowTime.Seconds() }) {
		n = (n + 1) / 2
	}
	return n
}

// estimate is the time, in seconds, that a pass takes on n images where kernels are poor.
func (x Pass) estimate(n int, p Peak) float64 {
	t := x.Bytes(n) / (poorCopy * p.Copy.Best * 1e9)
	if x.FLOP != nil {
		t = max(t, x.FLOP(n)/(poorFMA*p.FMA.Best*1e9))
	}
	return t
}

// Kernels measures cases against a peak and reports each row as it is done. What does not fit into the device's memory or bindings
// becomes a row that says so; other errors, and ctx, end it with the rows that are done.
func Kernels(ctx context.Context, dev *vk.Device, cases []Case, p Peak, o KernelOptions, report func(Row)) ([]Row, error) {
	var all []Row
	for _, c := range cases {
		if o.Filter != nil {
			c.Passes = slices.DeleteFunc(slices.Clone(c.Passes), func(x Pass) bool { return !o.Filter.MatchString(c.Group + " " + c.Name + " " + x.Name) })
		}
		if len(c.Passes) == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return all, err
		}
		rows, err := c.measure(dev, p, o)
		if err != nil {
			return all, fmt.Errorf("bench: %s: %s: %w", c.Group, c.Name, err)
		}
		for _, r := range rows {
			report(r)
		}
		all = append(all, rows...)
	}
	return all, nil
}

// measure runs a case at its scale.
func (c Case) measure(dev *vk.Device, p Peak, o KernelOptions) ([]Row, error) {
	n := Scale(c, p)
	times, err := c.sample(dev, n, o)
	problem := ""
	if tooLarge(err) {
		problem, err = err.Error(), nil
	}
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, x := range c.Passes {
		r := Row{Group: c.Group, Name: c.Name, Pass: x.Name, Batch: n, Full: c.Batch, GB: x.Bytes(n) / 1e9, Memory: x.FLOP == nil, Problem: problem}
		if x.FLOP != nil {
			r.GFLOP = x.FLOP(n) / 1e9
		}
		if problem == "" {
			r.judge(times[x.Name], p)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// judge fills in the times, rates and share.
func (r *Row) judge(runs []sample, p Peak) {
	var times []time.Duration
	for _, s := range runs {
		times = append(times, s.time)
	}
	r.Kernel, r.Time = runs[len(runs)-1].kernel, spreadOf(times)
	r.GFLOPS, r.GBS = r.Time.rate(r.GFLOP), r.Time.rate(r.GB)
	r.share(p)
}

// share states the row's rate against a peak.
func (r *Row) share(p Peak) {
	r.Share = p.FMA.share(r.GFLOPS)
	if r.Memory {
		r.Share = p.Copy.share(r.GBS)
	}
}

// tooLarge reports whether a case failed because the device is too small for it.
func tooLarge(err error) bool {
	return errors.As(err, new(*kernels.BuildError)) || errors.As(err, new(*kernels.MemoryError)) || errors.As(err, new(*vk.OutOfMemoryError))
}
