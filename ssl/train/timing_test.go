package train

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

func TestTimingCoversEveryDispatchOfAStepAndTheWaits(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false })
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	c := smallConfig()
	c.Accumulate = 2
	var clock time.Duration // a tick at each reading
	var segments []string
	back := 0
	w := &Timing{Clock: func() time.Duration { clock++; return clock }, Ops: func(ops []kernels.OpTime) {
		segments = append(segments, ops[0].Segment)
		for _, o := range ops {
			if o.Backward {
				back++
			}
		}
	}}
	x, err := New(kernels.NewStore(device), c, Job{Method: m, Set: datatest.Noise(32, 16, 1), Timing: w})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Free()
	if err := x.Train(context.Background(), 2, func(StepResult) {}); err != nil {
		t.Fatal(err)
	}
	step := []string{"embed", "embed", "contrast", "micro", "micro", "update"}
	if want := append(step, step...); !slices.Equal(segments, want) {
		t.Errorf("saw %v, want %v", segments, want)
	}
	if back == 0 || w.Waited <= 0 || 2*w.Waited != clock || x.Planned() <= 0 || x.Store.Bytes() <= 0 {
		t.Errorf("%d dispatches of the backward pass, waited %v, planned %d, store %d", back, w.Waited, x.Planned(), x.Store.Bytes())
	}
}

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
