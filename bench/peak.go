package bench

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/marr-ssl/marr/vk"
)

// Peak is the highest measured throughput of a device. Shares refer to it.
type Peak struct {
	FMA  Rate `json:"fma"`  // GFLOP/s in fp32; an FMA counts as two
	Copy Rate `json:"copy"` // GB/s (10⁹ bytes), bytes read plus bytes written
}

// Rate is a rate measured several times. Shares refer to Best, so noise makes them smaller, not larger.
type Rate struct {
	Best   float64 `json:"best"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Runs   int     `json:"runs"`
	Kernel string  `json:"kernel"` // the fastest candidate
}

// slow reports whether the device is below 1 TFLOP/s and gets smaller batches.
func (p Peak) slow() bool { return p.FMA.Best < 1000 }

// share returns rate / Best, or 0 if the peak was not measured.
func (r Rate) share(rate float64) float64 {
	if r.Best == 0 {
		return 0
	}
	return rate / r.Best
}

const (
	targetTime    = 20 * time.Millisecond // for one dispatch: long compared with its submission
	candidateRuns = 3
	finalRuns     = 12 // of the fastest candidate
)

// candidate is a kernel that may reach the peak. Its work growths with a size n.
type candidate struct {
	kernel   vk.Kernel
	bindings []vk.Binding
	maxN     int
	groups   func(n int) [3]uint32
	push     func(n int) []uint32
	work     func(n int) float64 // FLOP or bytes
}

// MeasurePeak measures the peak rates of fp32 multiply-adds and of copying. It takes some seconds.
func MeasurePeak(dev *vk.Device) (p Peak, err error) {
	if p.FMA, err = measureFMA(dev); err != nil {
		return p, fmt.Errorf("bench: FMA peak: %w", err)
	}
	if p.Copy, err = measureCopy(dev); err != nil {
		return p, fmt.Errorf("bench: copy peak: %w", err)
	}
	return p, nil
}

// fastest measures every candidate briefly and the fastest one at length.
func fastest(dev *vk.Device, candidates []candidate) (Rate, error) {
	var top Rate
	winner := 0
	for i, c := range candidates {
		r, err := c.measure(dev, candidateRuns)
		if err != nil {
			return Rate{}, err
		}
		if r.Best > top.Best {
			top, winner = r, i
		}
	}
	final, err := candidates[winner].measure(dev, finalRuns)
	final.Best = max(final.Best, top.Best)
	return final, err
}

// measure increases n until a dispatch takes targetTime, which also warms up the device, and then measures at that size.
func (c candidate) measure(dev *vk.Device, runs int) (Rate, error) {
	n := 1
	for {
		t, err := c.run(dev, n)
		if err != nil {
			return Rate{}, err
		}
		if t >= targetTime || n == c.maxN {
			break
		}
		growth := min(16, max(2, float64(targetTime)/float64(t+1)))
		n = min(c.maxN, int(float64(n)*growth))
	}
	rates := make([]float64, runs)
	for i := range rates {
		t, err := c.run(dev, n)
		if err != nil {
			return Rate{}, err
		}
		rates[i] = c.work(n) / t.Seconds() / 1e9
	}
	return Rate{Best: slices.Max(rates), Median: median(rates), Min: slices.Min(rates), Runs: runs, Kernel: c.kernel.Name}, nil
}

// run returns the device time of one dispatch of size n.
func (c candidate) run(dev *vk.Device, n int) (time.Duration, error) {
	pipeline, err := dev.Pipeline(c.kernel)
	if err != nil {
		return 0, err
	}
	r := dev.NewRecorder()
	r.EnableTiming()
	d := vk.Dispatch{Pipeline: pipeline, Bindings: c.bindings, Groups: c.groups(n), Label: c.kernel.Name}
	for _, w := range c.push(n) {
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
