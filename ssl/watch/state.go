package watch

import (
	"encoding/json"
	"math"
)

// state is the state of a Watch; checkpoints store it. Every number is finite, as JSON requires: a rank of NaN is never the peak,
// streaks hold distances below 1, and a loss that is not finite is not followed.
type state struct {
	Peak     float64         `json:"peak"`           // highest rank so far
	Streaks  map[Kind]streak `json:"rows,omitempty"` // consecutive samples that fail
	Reported map[Kind]bool   `json:"told,omitempty"`
	Loss     float64         `json:"loss,omitempty"`    // smoothed, of a contrastive method, in units of that of guessing; 0: none yet
	Settled  float64         `json:"settled,omitempty"` // Loss when a tenth of the run was over; 0: not yet
}

// smoothing is the weight of earlier samples in state.Loss.
const smoothing = 0.9

// follow adds the loss of a sample.
func (x *state) follow(s Sample) {
	if s.Candidates < 2 || s.Loss-s.Loss != 0 {
		return
	}
	ratio := s.Loss / math.Log(float64(s.Candidates))
	if x.Loss == 0 {
		x.Loss = ratio
	}
	x.Loss = smoothing*x.Loss + (1-smoothing)*ratio
	if x.Settled == 0 && float64(s.Step) >= settled*float64(s.Steps) {
		x.Settled = x.Loss
	}
}

// stands reports whether the loss stands still at that of guessing. A loss above it that falls to it has learned nothing either.
func (x *state) stands(s Sample) bool {
	progress := float64(s.Step) / float64(s.Steps)
	checked := progress >= late || progress >= lateIfLong && s.Step >= isLong
	return checked && x.Settled > 0 && x.Loss >= still && min(x.Settled, 1)-min(x.Loss, 1) < fall
}

// streak counts consecutive samples that fail.
type streak struct {
	Samples int     `json:"looks"`
	Images  int     `json:"images"`
	First   float64 `json:"first"` // distance of the first sample
}

// MarshalJSON writes the state; the same samples give the same bytes.
func (w *Watch) MarshalJSON() ([]byte, error) { return json.Marshal(w.state) }

// UnmarshalJSON restores the state; Warmup and Patience do not change.
func (w *Watch) UnmarshalJSON(b []byte) error {
	w.state = state{}
	return json.Unmarshal(b, &w.state)
}
