package bench

import (
	"slices"
	"time"
)

// Spread is what several runs took, in milliseconds.
type Spread struct {
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	Max    float64 `json:"max_ms"`
	Runs   int     `json:"runs"`
}

// spreadOf sums up times; none give zeros.
func spreadOf(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	ms := make([]float64, len(times))
	for i, t := range times {
		ms[i] = float64(t) / float64(time.Millisecond)
	}
	return Spread{Median: median(ms), Min: slices.Min(ms), Max: slices.Max(ms), Runs: len(ms)}
}

// median is the middle value, or the mean of the two in the middle; the slice keeps its order.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// rate is how many units a second are done at `units` a median run.
func (s Spread) rate(units float64) float64 {
	if s.Median == 0 {
		return 0
	}
	return units / s.Median * 1e3
}
