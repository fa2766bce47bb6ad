package registry

import (
	"fmt"
	"strconv"
	"strings"
)

// Within reports whether v is inside bounds such as "above 0.5, at most 1" or "0 or above 0.5, at most 1". All parts must hold, or v is 0 after
// "0 or ". Empty bounds allow every number but NaN.
func Within(v float64, bounds string) bool {
	if v != v {
		return false
	}
	bounds, orZero := strings.CutPrefix(bounds, "0 or ")
	if orZero && v == 0 {
		return true
	}
	for bound := range strings.SplitSeq(bounds, ", ") {
		at := strings.LastIndexByte(bound, ' ')
		if at < 0 {
			continue
		}
		limit, err := strconv.ParseFloat(bound[at+1:], 64)
		if err != nil {
			panic(fmt.Sprintf("registry: bounds %q: %v", bounds, err)) // bounds are tags of this program
		}
		switch bound[:at] {
		case "above":
			if !(v > limit) {
				return false
			}
		case "at least":
			if !(v >= limit) {
				return false
			}
		case "below":
			if !(v < limit) {
				return false
			}
		case "at most":
			if !(v <= limit) {
				return false
			}
		default:
			panic(fmt.Sprintf("registry: bounds %q: want above, at least, below or at most", bounds))
		}
	}
	return true
}
