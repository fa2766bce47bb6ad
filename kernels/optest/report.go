package optest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Distance is a relative error. As JSON, a distance that is not finite is a string, "NaN" or "+Inf".
type Distance float64

// UnmarshalJSON implements json.Unmarshaler.
func (d *Distance) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*d = Distance(v)
	return err
}

// MarshalJSON implements json.Marshaler.
func (d Distance) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(d), 'g', 4, 64)
	if math.IsNaN(float64(d)) || math.IsInf(float64(d), 0) {
		text = strconv.Quote(text)
	}
	return []byte(text), nil
}

// Failure is one check that a case did not pass.
type Failure struct {
	Case      string   `json:"case,omitempty"`      // empty: the program of all cases failed
	Setup     string   `json:"setup,omitempty"`     // how the case ran, such as "eager", or the value of MARR_KERNELS; empty: as usual
	Check     string   `json:"check"`               // what was compared, such as "forward" or "gradient of x"
	Error     Distance `json:"error,omitempty"`     // the relative error, if the check compares numbers within a tolerance
	Tolerance float64  `json:"tolerance,omitempty"` // the largest accepted Error
	Message   string   `json:"message"`
}

// String returns the failure as one line.
func (f Failure) String() string {
	text := f.Check + ": " + f.Message
	for _, part := range []string{f.Setup, f.Case} {
		if part != "" {
			text = part + ": " + text
		}
	}
	return text
}

// Report is the result of Bench.Check.
type Report struct {
	Cases    int
	Forward  Distance // the largest error of a result
	Backward Distance // the largest error of a gradient
	Failures []Failure
}

// fail adds a failure that is not a distance. c is nil if the program of all cases failed.
func (r *Report) fail(c *prepared, setup, check, format string, args ...any) {
	f := Failure{Setup: setup, Check: check, Message: fmt.Sprintf(format, args...)}
	if c != nil {
		f.Case = c.Name
	}
	r.Failures = append(r.Failures, f)
}

// compare adds a failure if d exceeds the tolerance, and keeps the largest d in most. values describes the two sides.
func (r *Report) compare(most *Distance, d, tolerance float64, c *prepared, setup, check, from, values string) {
	*most = max(*most, Distance(d)) // NaN stays
	if d <= tolerance {
		return
	}
	r.Failures = append(r.Failures, Failure{c.Name, setup, check, Distance(d), tolerance,
		fmt.Sprintf("%.2g from %s, want at most %g: %s", d, from, tolerance, values)})
}
