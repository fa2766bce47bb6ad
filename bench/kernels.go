package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

// Row is the measurement of one pass of one case.
type Row struct {
	Group       string  `json:"group"`
	Name        string  `json:"name"`
	Pass        string  `json:"pass"`
	Kernel      string  `json:"kernel,omitempty"` // the longest dispatch; "+2" counts further dispatches
	Batch       int     `json:"batch"`            // images or rows of a run
	FullBatch   int     `json:"full_batch"`       // of a run on a fast device
	GFLOP       float64 `json:"gflop"`
	GB          float64 `json:"gb"` // 10⁹ bytes, the minimum that the pass must move
	Time        Spread  `json:"time"`
	GFLOPS      float64 `json:"gflop_per_s"`
	GBS         float64 `json:"gb_per_s"`
	MemoryBound bool    `json:"memory_bound"`    // Share is of the copy bandwidth, not of the FMA peak
	Share       float64 `json:"share_of_peak"`   // 0 … 1
	Problem     string  `json:"error,omitempty"` // why the row has no measurement
}

// KernelOptions choose the rows that MeasureKernels measures, and for how long.
type KernelOptions struct {
	Filter *regexp.Regexp // of "group name pass"; nil: all rows
	Runs   int            // of each pass, after a warm-up run; 0: defaultRuns
	Tuner  *kernels.Tuner // nil: the static rule chooses kernels
}

const (
	defaultRuns = 7
	maxRowTime  = 200 * time.Millisecond // target for a pass on a slow device
	maxCaseTime = 5 * time.Second        // after this, a case stops at minRuns
	minRuns     = 3
)

// A pessimistic guess at the share of the peak that a kernel reaches on slow devices. It only decides how far ScaleBatch cuts batches.
const (
	lowFMAShare  = 0.08
	lowCopyShare = 0.25
)

// ScaleBatch returns the batch at which a case is measured. On a slow device (peak below 1 TFLOP/s) it halves the full batch until each
// pass takes at most maxRowTime, down to 2.
func ScaleBatch(c Case, p Peak) int {
	n := c.Batch
	if !p.slow() {
		return n
	}
	for n > 2 && slices.ContainsFunc(c.Passes, func(x Pass) bool { return x.estimate(n, p) > maxRowTime.Seconds() }) {
		n = (n + 1) / 2
	}
	return n
}

// estimate returns the time of a pass over n images with slow kernels, in seconds.
func (x Pass) estimate(n int, p Peak) float64 {
	t := x.Bytes(n) / (lowCopyShare * p.Copy.Best * 1e9)
	if x.FLOP != nil {
		t = max(t, x.FLOP(n)/(lowFMAShare*p.FMA.Best*1e9))
	}
	return t
}

// MeasureKernels measures cases and calls report for each completed row. If a case does not fit into the device's memory or bindings,
// its rows contain the reason. On any other error, or when ctx ends, it returns the rows that are complete.
func MeasureKernels(ctx context.Context, dev *vk.Device, cases []Case, p Peak, o KernelOptions, report func(Row)) ([]Row, error) {
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

// measure measures all passes of a case at its scaled batch.
func (c Case) measure(dev *vk.Device, p Peak, o KernelOptions) ([]Row, error) {
	n := ScaleBatch(c, p)
	samples, err := c.sample(dev, n, o)
	problem := ""
	if doesNotFit(err) {
		problem, err = err.Error(), nil
	}
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, x := range c.Passes {
		r := Row{Group: c.Group, Name: c.Name, Pass: x.Name, Batch: n, FullBatch: c.Batch, GB: x.Bytes(n) / 1e9, MemoryBound: x.FLOP == nil, Problem: problem}
		if x.FLOP != nil {
			r.GFLOP = x.FLOP(n) / 1e9
		}
		if problem == "" {
			r.setTimes(samples[x.Name], p)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// setTimes sets the row's time, rates and share.
func (r *Row) setTimes(samples []sample, p Peak) {
	var times []time.Duration
	for _, s := range samples {
		times = append(times, s.time)
	}
	r.Kernel, r.Time = samples[len(samples)-1].kernel, spreadOf(times)
	r.GFLOPS, r.GBS = r.Time.rate(r.GFLOP), r.Time.rate(r.GB)
	r.setShare(p)
}

// setShare sets the row's share of a peak.
func (r *Row) setShare(p Peak) {
	r.Share = p.FMA.share(r.GFLOPS)
	if r.MemoryBound {
		r.Share = p.Copy.share(r.GBS)
	}
}

// doesNotFit reports whether a case failed because the device is too small for it.
func doesNotFit(err error) bool {
	return errors.As(err, new(*kernels.BuildError)) || errors.As(err, new(*kernels.MemoryError)) || errors.As(err, new(*vk.OutOfMemoryError))
}
