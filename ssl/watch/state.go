package watch

import "encoding/json"

// state is the state of a Watch; checkpoints store it. Every number is finite, as JSON requires: a rank of NaN is never the peak, and
// streaks hold distances below 1.
type state struct {
	Peak     float64         `json:"peak"`           // highest rank so far
	Streaks  map[Kind]streak `json:"rows,omitempty"` // consecutive samples that fail
	Reported map[Kind]bool   `json:"told,omitempty"`
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
