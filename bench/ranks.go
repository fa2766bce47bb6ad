package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// RankStep is the time of a step that several ranks compute together, each with Batch images: the first rank's.
type RankStep struct {
	StepOptions
	Ranks      int     `json:"ranks"`
	Devices    int     `json:"devices"` // of this process
	Time       Spread  `json:"time"`    // from one step's end to the next
	ImagesPerS float64 `json:"images_per_s"`
	Compute    float64 `json:"compute_ms"`         // until this rank's share is computed and copied to the host, mean of a step
	Norms      float64 `json:"norms_ms,omitempty"` // of Compute, to exchange statistics of synchronized batch norms
	Wait       float64 `json:"wait_ms"`            // until all ranks are, and have exchanged rows and statistics
	Reduce     float64 `json:"reduce_ms"`          // sum of the gradients, as far as the backward pass does not hide it
	Gradient   int64   `json:"gradient_bytes"`     // of each rank
	Alone      Spread  `json:"alone"`              // the same share without other ranks
}

// Efficiency is the speed in units of that of as many ranks alone. Ranks that share a device or processors cannot reach 1.
func (r RankStep) Efficiency() float64 { return r.Alone.Median / r.Time.Median }

// MeasureRanks measures a step of several ranks. comms are the ranks of this process, and devices[i] is the device of comms[i]. All ranks of all
// processes must call it; the others wait while the first measures its share alone. The result of a process without the first rank has no times.
func MeasureRanks(ctx context.Context, devices []*vk.Device, comms []ranks.Comm, o StepOptions) (r RankStep, err error) {
	set, err := data.Open(ctx, trainingImages, data.Options{})
	if err != nil {
		return r, err
	}
	n, first := comms[0].Size(), comms[0].Rank() == 0
	r = RankStep{StepOptions: o, Ranks: n, Devices: len(devices)}
	if first {
		alone, _, err := r.timed(ctx, devices[0], nil, set)
		if err != nil {
			return r, err
		}
		r.Alone = spreadOf(alone)
	}
	if n == 1 {
		r.Time = r.Alone
		r.ImagesPerS = r.Time.rate(float64(o.Batch))
		return r, nil
	}
	var all sync.WaitGroup
	errs := make([]error, len(devices))
	for i, dev := range devices {
		all.Go(func() {
			var times []time.Duration
			var w *train.Timing
			if times, w, errs[i] = r.timed(ctx, dev, comms[i], set); errs[i] != nil {
				comms[i].Abort(errs[i])
			}
			if comms[i].Rank() > 0 || errs[i] != nil {
				return
			}
			mean := func(d time.Duration) float64 { return milliseconds(d) / float64(len(times)) }
			r.Time = spreadOf(times)
			r.Compute, r.Wait, r.Reduce, r.Norms = mean(w.Compute), mean(w.Wait), mean(w.Reduce), mean(w.Norms)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil || !first {
		return r, err
	}
	r.ImagesPerS = r.Time.rate(float64(n * o.Batch))
	return r, nil
}

// timed returns the times of Steps steps after the warm-up, alone if comm is nil, and what they consist of.
func (r *RankStep) timed(ctx context.Context, dev *vk.Device, comm ranks.Comm, set *data.Set) (times []time.Duration, w *train.Timing, err error) {
	w = &train.Timing{}
	t, err := r.trainer(dev, set, warmUpSteps+r.Steps, w, comm)
	if err != nil {
		return nil, nil, err
	}
	defer t.Free()
	if comm == nil || comm.Rank() == 0 {
		r.Gradient = t.Store.GradientBytes()
	}
	if err := t.Train(ctx, warmUpSteps, func(train.StepResult) {}); err != nil {
		return nil, nil, err
	}
	w.Compute, w.Wait, w.Reduce, w.Norms = 0, 0, 0, 0
	last := time.Now()
	err = t.Train(ctx, warmUpSteps+r.Steps, func(train.StepResult) {
		now := time.Now()
		times, last = append(times, now.Sub(last)), now
	})
	if err == nil {
		err = ctx.Err()
	}
	return times, w, err
}

// ReduceBytes returns the bytes that each of n ranks sends in a step, and receives, to sum gradients that are floats of some bytes, in `parts` parts a
// rank, on one of ranks.Wires: the shard of each other rank of all its parts, and its own summed shard to each other rank (ranks.Reducer).
func ReduceBytes(gradient int64, n, parts int, wire string) float64 {
	return float64(gradient) / 4 * ranks.BytesPerElement(wire) * float64(parts+1) * float64(n-1) / float64(n)
}

// The columns and rows of reduceTable: Gbit/s of a full-duplex link, and ranks.
var (
	linkRates = []float64{10, 25, 100, 400}
	rankSizes = []int{2, 4, 8, 16, 32, 64}
)

// reduceTable returns the time that a link needs for the bytes of ReduceBytes, one part a rank, in milliseconds. It is a calculation, without latencies
// without the copies between device and host, and without the conversions of fp16.
func reduceTable(gradient int64) *Table {
	t := &Table{Head: []string{"ranks", "wire", "MB sent and received"}, FirstNumber: 0}
	for _, rate := range linkRates {
		t.Head = append(t.Head, fmt.Sprintf("%g Gbit/s", rate))
	}
	for _, n := range rankSizes {
		for _, wire := range ranks.Wires {
			bytes := ReduceBytes(gradient, n, 1, wire)
			row := []string{fmt.Sprint(n), wire, formatNumber(bytes / 1e6)}
			for _, rate := range linkRates {
				row = append(row, formatNumber(bytes*8/(rate*1e9)*1e3)+" ms")
			}
			t.Add(row...)
		}
	}
	return t
}

// rankTable returns the measured steps.
func rankTable(steps []RankStep) *Table {
	t := &Table{Head: []string{"step of each rank", "ranks", "images/s", "ms per step", "compute", "wait", "reduce", "of the step", "efficiency"}, FirstNumber: 1}
	ms := func(v float64) string { return formatNumber(v) + " ms" }
	for _, r := range steps {
		row := []string{r.StepOptions.String(), r.numRanks(), formatNumber(r.ImagesPerS), formatNumber(r.Time.Median) + " (" + r.Time.span() + ")"}
		if r.Ranks > 1 {
			compute := ms(r.Compute)
			if r.SyncBN {
				compute += ", norms " + ms(r.Norms)
			}
			row = append(row, compute, ms(r.Wait), ms(r.Reduce), percent(r.Reduce/r.Time.Median), percent(r.Efficiency()))
		} else {
			row = append(row, "", "", "", "", "")
		}
		t.Add(row...)
	}
	return t
}

// numRanks returns the number of ranks, with a mark if each is a process.
func (r RankStep) numRanks() string {
	if r.Devices < r.Ranks {
		return fmt.Sprintf("%d over MPI", r.Ranks)
	}
	return fmt.Sprint(r.Ranks)
}

// writeRanks writes the steps of several ranks, and what their gradients would take on links.
func (r *Results) writeRanks(w io.Writer, write func(*Table, io.Writer)) {
	if len(r.Ranks) == 0 {
		return
	}
	fmt.Fprintln(w)
	write(rankTable(r.Ranks), w)
	bytes := r.Ranks[len(r.Ranks)-1].Gradient
	fmt.Fprintf(w, "\nCalculated, not measured: the time of gradients of %s MiB on a link of each rank, without latency and without the conversions of fp16:\n\n", formatNumber(float64(bytes)/(1<<20)))
	write(reduceTable(bytes), w)
}
