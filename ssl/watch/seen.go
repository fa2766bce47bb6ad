package watch

import "encoding/json"

// seen is what a Watch remembers. Every number in it is finite, as JSON needs: a rank that cannot be told is never the highest, and rows hold
// distances below 1.
type seen struct {
	Peak float64       `json:"peak"` // highest rank so far
	Rows map[Kind]row  `json:"rows,omitempty"`
	Told map[Kind]bool `json:"told,omitempty"`
}

// row is a number of looks in a row that agree.
type row struct {
	Looks  int     `json:"looks"`
	Images int     `json:"images"`
	First  float64 `json:"first"` // distance at the first
}

// MarshalJSON writes what was seen; the same looks give the same bytes.
func (w *Watch) MarshalJSON() ([]byte, error) { return json.Marshal(w.seen) }

// UnmarshalJSON makes w go on from there; Warmup and Patience stay.
func (w *Watch) UnmarshalJSON(b []byte) error {
	w.seen = seen{}
	return json.Unmarshal(b, &w.seen)
}
