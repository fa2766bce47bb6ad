package bench

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"marr/vk"
)

// Peak is what a device does at best: what shares are stated against.
type Peak struct {
	FMA  Rate `json:"fma"`  // GFLOP/s in fp32, an FMA counted as two
	Copy Rate `json:"copy"` // GB/s (10⁹ bytes), read and written bytes together
}

// Rate is a rate measured several times; shares are stated against Best, so that noise makes them smaller.
type Rate struct {
	Best   float64 `json:"best"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Runs   int     `json:"runs"`
	Kernel string  `json:"kernel"` // the fastest of those that were tried
}

// slow reports whether the device calls for smaller batches: below 1 TFLOP/s.
func (p Peak) slow() bool { return p.FMA.Best < 1000 }

// share is a rate over the peak's, which is 0 only where it was not measured.
func (r Rate) share(rate float64) float64 {
	if r.Best == 0 {
		return 0
	}
	return rate / r.Best
}

const (
	probeTime = 20 * time.Millisecond // what one dispatch of a probe should take: long beside the cost of submitting it
	probeRuns = 3                     // of each form
	finalRuns = 12                    // of the fastest
)

// probe is one way of reaching for a peak: a kernel, what it is bound to, and how its work grows with a size n.
type probe struct {
	kernel   vk.Kernel
	bindings []vk.Binding
	most     int // of n
	groups   func(n int) [3]uint32
	push     func(n int) []uint32
	work     func(n int) float64 // FLOP or bytes
}

// MeasurePeak measures the rates of fp32 multiply-adds and of copying. It takes some seconds.
func MeasurePeak(dev *vk.Device) (p Peak, err error) {
	if p.FMA, err = measureFMA(dev); err != nil {
		return p, fmt.Errorf("bench: peak of multiply-adds: %w", err)
	}
	if p.Copy, err = measureCopy(dev); err != nil {
		return p, fmt.Errorf("bench: peak of copying: %w", err)
	}
	return p, nil
}

// best probes every form briefly and the fastest at length.
func best(dev *vk.Device, probes []probe) (Rate, error) {
	var top Rate
	winner := 0
	for i, p := range probes {
		r, err := p.measure(dev, probeRuns)
		if err != nil {
			return Rate{}, err
		}
		if r.Best > top.Best {
			top, winner = r, i
		}
	}
	final, err := probes[winner].measure(dev, finalRuns)
	final.Best = max(final.Best, top.Best)
	return final, err
}

// measure finds a size that takes probeTime, which also warms the device up, and times it.
func (p probe) measure(dev *vk.Device, runs int) (Rate, error) {
	n := 1
	for {
		t, err := p.run(dev, n)
		if err != nil {
			return Rate{}, err
		}
		if t >= probeTime || n == p.most {
			break
		}
		grow := min(16, max(2, float64(probeTime)/float64(t+1)))
		n = min(p.most, int(float64(n)*grow))
	}
	rates := make([]float64, runs)
	for i := range rates {
		t, err := p.run(dev, n)
		if err != nil {
			return Rate{}, err
		}
		rates[i] = p.work(n) / t.Seconds() / 1e9
	}
	return Rate{Best: slices.Max(rates), Median: median(rates), Min: slices.Min(rates), Runs: runs, Kernel: p.kernel.Name}, nil
}

// run times one dispatch of size n.
func (p probe) run(dev *vk.Device, n int) (time.Duration, error) {
	pipeline, err := dev.Pipeline(p.kernel)
	if err != nil {
		return 0, err
	}
	r := dev.NewRecorder()
	r.EnableTiming()
	d := vk.Dispatch{Pipeline: pipeline, Bindings: p.bindings, Groups: p.groups(n), Label: p.kernel.Name}
	for _, w := range p.push(n) {
		d.Push = binary.LittleEndian.AppendUint32(d.Push, w)
	}
	r.Dispatch(d)
	s, err := r.End()
	if err != nil {
		return 0, err
	}
	defer s.Free()
	if _, err := dev.Submit(s); err != nil {
		return 0, err
	}
	times, err := s.Times()
	if err != nil {
		return 0, err
	}
	return times[0], nil
}
