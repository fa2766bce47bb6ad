package ssl

import (
	"fmt"
	"strconv"
	"strings"
)

// within reports whether v is what a tag asks for: bounds such as "above 0.5, at most 1". No bounds take every number but NaN.
func within(v float64, bounds string) bool {
	if v != v {
		return false
	}
	bounds, none := strings.CutPrefix(bounds, "0 or ")
	if none && v == 0 {
		return true
	}
	for bound := range strings.SplitSeq(bounds, ", ") {
		at := strings.LastIndexByte(bound, ' ')
		if at < 0 {
			continue
		}
		limit, err := strconv.ParseFloat(bound[at+1:], 64)
		if err != nil {
			panic(fmt.Sprintf("ssl: bounds %q: %v", bounds, err)) // a tag of this program
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
			panic(fmt.Sprintf("ssl: bounds %q: want above, at least, below or at most", bounds))
		}
	}
	return true
}
