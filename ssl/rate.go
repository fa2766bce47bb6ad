package ssl

import (
	"fmt"
	"sort"

	"marr/net"
)

// referenceBatch is the batch that BaseLR is for: rates grow with the batch (Goyal et al. 2017, arXiv:1706.02677, section 2.1).
const referenceBatch = 256

// resolveRate makes the peak rate of the base, which it forgets where the rate was given itself, and the decay's end.
func (c *Config) resolveRate() {
	scaled := c.BaseLR * float64(c.Batch) / referenceBatch
	if c.LR == 0 {
		c.LR = scaled
	} else if c.LR != scaled {
		c.BaseLR = 0
	}
	if c.DecayEnd == -1 {
		c.DecayEnd = c.Decay
	}
	if c.Schedule == "" {
		c.Schedule = net.Rates[0]
	}
}

// schedules are those of learning rate and weight decay, step by step.
func (c Config) schedules() (rate, decay net.Schedule, err error) {
	rate, err = net.NewRate(c.Schedule, c.LR, c.Warmup)
	return rate, net.Cosine{From: c.Decay, To: c.DecayEnd}, err
}

// Rate says the learning rate of a resolved configuration in words, and where it comes from.
func (c Config) Rate() string {
	text := fmt.Sprintf("learning rate %g", c.LR)
	if c.BaseLR > 0 {
		text += fmt.Sprintf(" = %g × %d/%d", c.BaseLR, c.Batch, referenceBatch)
	}
	if text += ", " + c.Schedule; c.Warmup > 0 {
		text += fmt.Sprintf(" after %g %% of warm-up", 100*c.Warmup)
	}
	if c.DecayEnd != c.Decay {
		text += fmt.Sprintf(", weight decay %g to %g", c.Decay, c.DecayEnd)
	}
	return text
}

// shut is in how many of the first n steps a gate was 0. Gates open once.
func shut(gate net.Schedule, n, total int) int {
	return sort.Search(n, func(step int) bool { return gate.At(step, total) != 0 })
}

// steady is the gate that undoes a schedule: what it multiplies stays at the peak.
type steady struct {
	rate net.Schedule // nil: it stays by itself
	peak float64
}

// At returns the multiple at a step.
func (x steady) At(step, total int) float64 {
	if x.rate == nil {
		return 1
	}
	return x.peak / x.rate.At(step, total)
}
