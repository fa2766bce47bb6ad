package bench

import (
	"slices"
	"time"
)

// Spread is the median and the range of the times of several runs, in milliseconds.
type Spread struct {
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	Max    float64 `json:"max_ms"`
	Runs   int     `json:"runs"`
}

// spreadOf returns the spread of times, or zeros if there are none.
func spreadOf(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	ms := make([]float64, len(times))
	for i, t := range times {
		ms[i] = milliseconds(t)
	}
	return Spread{Median: median(ms), Min: slices.Min(ms), Max: slices.Max(ms), Runs: len(ms)}
}

func milliseconds(t time.Duration) float64 { return float64(t) / float64(time.Millisecond) }

// median returns the middle value, the mean of the two middle values, or 0 for no values. It does not reorder v.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// mean returns the arithmetic mean, NaN for no values.
func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// rate returns the units per second of a run that takes the median time.
func (s Spread) rate(units float64) float64 {
	if s.Median == 0 {
		return 0
	}
	return units / s.Median * 1e3
}

// span formats the range as "min–max".
func (s Spread) span() string { return formatNumber(s.Min) + "–" + formatNumber(s.Max) }
