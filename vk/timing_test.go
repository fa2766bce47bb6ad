package vk

import (
	"slices"
	"testing"
	"time"
)

// timed records ops on many and on few words alternately, and cuts between all of them if work is above the budget of the device.
func timed(t *testing.T, d *Device, work float64) *Segment {
	t.Helper()
	const large, few = 1 << 21, 64
	a, b := newBuffer(t, d, large, DeviceLocal), newBuffer(t, d, large, DeviceLocal)
	r := d.NewRecorder()
	r.EnableTiming()
	for _, n := range []int64{large, few, large, few} {
		x := affineOp(t, d, Range{b, 0, 4 * n}, Range{a, 0, 4 * n}, 3, 1)
		x.Work = work
		r.Dispatch(x)
	}
	r.Fill(Range{a, 0, 16}, 0)
	r.Copy(Range{b, 0, 16}, Range{a, 0, 16})
	return end(t, r)
}

// clockTick is how far a measured time may be wrong: Go's clock on Windows advances in steps.
const clockTick = 16 * time.Millisecond

func TestTimesSeparateHeavyOpsFromLightOnes(t *testing.T) {
	for _, c := range []struct {
		name string
		work float64
		cuts int
	}{{"one command buffer", 0, 0}, {"several", dev.OpBudget(), 3}} {
		s := timed(t, dev, c.work)
		if len(s.Cuts()) != c.cuts {
			t.Fatalf("%s: cuts %v, want %d", c.name, s.Cuts(), c.cuts)
		}
		// The shortest of several runs, since other processes may hold up any op of any one.
		least := slices.Repeat([]time.Duration{time.Hour}, s.Len())
		apart := func() bool { return least[0]+least[2] > 10*(least[1]+least[3]) } // 32768 times the work
		var all, wall time.Duration
		for run := 0; run < 10 || run < 200 && !apart(); run++ {
			start := time.Now()
			runSegments(t, dev, s)
			wall += time.Since(start)
			times := must[[]time.Duration](t)(s.Times())
			if len(times) != s.Len() {
				t.Fatalf("%s: %d times of %d ops", c.name, len(times), s.Len())
			}
			for i, d := range times {
				all += d
				least[i] = min(least[i], d)
			}
			if slices.Min(times) < 0 {
				t.Errorf("%s: times %v", c.name, times)
			}
		}
		if all > wall+clockTick {
			t.Errorf("%s: the times of all runs sum to %v, and the runs took %v", c.name, all, wall)
		}
		if !apart() {
			t.Errorf("%s: heavy, light, heavy, light took %v", c.name, least[:4])
		}
	}
}

func TestTimedRecordingComputesTheSame(t *testing.T) {
	a, b := newWords(t, dev, []uint32{1, 2, 3, 4}), newBuffer(t, dev, 4, DeviceLocal)
	r := dev.NewRecorder()
	r.EnableTiming()
	r.Dispatch(affineOp(t, dev, b.All(), a.All(), 3, 1))
	r.Dispatch(affineOp(t, dev, a.All(), b.All(), 2, 0))
	s := end(t, r)
	runSegments(t, dev, s)
	runSegments(t, dev, s)
	if got, want := readWords(t, dev, a.All()), []uint32{50, 86, 122, 158}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := s.Barriers(); !slices.Equal(got, []int{1}) {
		t.Errorf("barriers because of conflicts before %v, want before op 1", got)
	}
}

func TestTimesWithoutMeasurementAreAnError(t *testing.T) {
	a := newBuffer(t, dev, 4, DeviceLocal)
	r := dev.NewRecorder()
	r.Fill(a.All(), 1)
	untimed := end(t, r)
	_, err := untimed.Times()
	wantError(t, err, "recorded without EnableTiming")

	r = dev.NewRecorder()
	r.Fill(a.All(), 1)
	r.EnableTiming()
	_, err = r.End()
	wantError(t, err, "1 ops are recorded already")

	s := timed(t, dev, 0)
	_, err = s.Times()
	wantError(t, err, "has not run")
	runSegments(t, dev, s)
	s.Free()
	_, err = s.Times()
	wantError(t, err, "was freed")

	r = dev.NewRecorder()
	r.EnableTiming()
	if times, err := end(t, r).Times(); len(times) != 0 || err != nil {
		t.Errorf("an empty segment: %v, %v", times, err)
	}
}

func TestTimedSegmentRunsOnAQueueWithoutTimestamps(t *testing.T) {
	d := must[*Device](t)(Open("", Options{}))
	t.Cleanup(func() { d.Close() })
	d.info.Limits.TimestampBits = 0
	s := timed(t, d, 0)
	runSegments(t, d, s)
	_, err := s.Times()
	wantError(t, err, d.info.Name, "no timestamps")
}

func TestElapsedTimeWrapsAround(t *testing.T) {
	s := &Segment{ops: 3, cuts: []int{2}, timed: true}
	l := Limits{TimestampBits: 36, TimestampPeriod: 2.5}
	top := uint64(1)<<36 - 10
	got := s.elapsed([]uint64{top, 10, 14, 1000, 1003}, l)
	if want := []time.Duration{50, 10, 7}; !slices.Equal(got, want) {
		t.Errorf("36 bits: %v, want %v", got, want)
	}
	l = Limits{TimestampBits: 64, TimestampPeriod: 1}
	got = s.elapsed([]uint64{^uint64(0) - 4, 5, 6, 7, 9}, l)
	if want := []time.Duration{10, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("64 bits: %v, want %v", got, want)
	}
}
