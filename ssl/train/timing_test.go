package train

import (
	"testing"
	"time"
)

// A wait for other ranks counts from the time when the device was done.
func TestTimingDividesAStep(t *testing.T) {
	start := time.Now().Add(-10 * time.Second)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	for name, x := range map[string]struct {
		met           time.Time
		compute, wait time.Duration
	}{
		"another rank was late":                   {at(7), 2 * time.Second, 5 * time.Second},
		"all met while the device was computing":  {at(1), 2 * time.Second, 0},
		"gradients came in one piece, at the end": {time.Time{}, 2 * time.Second, 0},
	} {
		w := Timing{last: start}
		w.computed(at(2), x.met)
		if w.Compute != x.compute || w.Wait != x.wait || w.Reduce < 10*time.Second-x.compute-x.wait || w.last.Before(at(10)) {
			t.Errorf("%s: %+v", name, w)
		}
	}
}
