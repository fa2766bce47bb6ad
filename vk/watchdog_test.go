package vk

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestSubmissionsCombineShortCommandBuffers(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		took []time.Duration
		want []uint32
	}{
		{"nothing", nil, nil},
		{"not measured yet", []time.Duration{0, 0, 0}, []uint32{1, 1, 1}},
		{"all fit", []time.Duration{100 * ms, 100 * ms, 100 * ms}, []uint32{3}},
		{"one too many", []time.Duration{100 * ms, 100 * ms, 101 * ms, 1}, []uint32{2, 2}},
		{"longer than a submission", []time.Duration{1, 400 * ms, 1, 400 * ms}, []uint32{1, 1, 1, 1}},
		{"some not measured", []time.Duration{1, 0, 1, 1}, []uint32{1, 1, 2}},
	} {
		if got := newWatchdog(Discrete).submissions(c.took); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := newWatchdog(CPU).submissions([]time.Duration{1, 1}); !slices.Equal(got, []uint32{1, 1}) {
		t.Errorf("on a CPU: %v, want each alone", got)
	}
}

func TestWatchdogCountsFlopsAndBytes(t *testing.T) {
	gib := []Binding{{Range: Range{Size: 1 << 30}, Access: Read}, {Range: Range{Size: 1 << 30}, Access: Write}}
	for _, c := range []struct {
		of       DeviceType
		work     float64
		accesses []Binding
		want     float64
	}{
		{Discrete, 2e12, nil, 1}, {Discrete, 0, gib, 0.02147483648}, {Discrete, 2e12, gib, 1.02147483648},
		{Integrated, 5e11, gib, 1.1073741824}, {Other, 1e11, nil, 1}, {CPU, 1e10, gib, 1}, {Discrete, math.NaN(), nil, 0}, {Discrete, -1, nil, 0},
	} {
		if got := newWatchdog(c.of).seconds(c.work, c.accesses); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: %g operations, %d accesses: %g s, want %g", c.of, c.work, len(c.accesses), got, c.want)
		}
	}
}

func TestTimesOfALosingDeviceAreBounded(t *testing.T) {
	w := newWatchdog(Integrated)
	for range 100 {
		w.halve()
	}
	if w.unit < leastUnit || w.unit > 2*leastUnit || w.most < 6*time.Millisecond {
		t.Errorf("%+v after many losses", w)
	}
}

// The device is treated as a GPU on which every op fills a command buffer. Their times are known after the first run.
func TestMeasuredCommandBuffersAreSubmittedTogether(t *testing.T) {
	if dev.info.Limits.TimestampBits == 0 {
		t.Skip("the queue has no timestamps")
	}
	const n, ops = 1 << 12, 6
	d := must[*Device](t)(Open("", Options{}))
	defer d.Close()
	d.watchdog = watchdog{flops: 1, bytes: n, unit: 8, most: time.Hour} // an op accesses 8n bytes
	a, b := newWords(t, d, make([]uint32, n)), newBuffer(t, d, n, DeviceLocal)
	r := d.NewRecorder()
	for i := range ops {
		dst, src := a, b
		if i%2 == 0 {
			dst, src = b, a
		}
		r.Dispatch(affineOp(t, d, dst.All(), src.All(), 2, 1))
	}
	s := end(t, r)
	if want := []int{1, 2, 3, 4, 5}; !slices.Equal(s.Cuts(), want) {
		t.Fatalf("cuts %v, want %v", s.Cuts(), want)
	}
	var want uint32
	for run := range 4 {
		runSegments(t, d, s)
		for range ops {
			want = 2*want + 1
		}
		d.queue.Lock()
		counts := d.watchdog.submissions(s.took)
		d.queue.Unlock()
		if run == 0 && len(counts) != ops || run > 0 && len(counts) != 1 {
			t.Errorf("after run %d: %v command buffers in a submission (times %v)", run+1, counts, s.took)
		}
	}
	for range 20 { // in flight at the same time
		must[*Ticket](t)(d.Submit(s, s))
		for range 2 * ops {
			want = 2*want + 1
		}
	}
	if got := readWords(t, d, a.All()); got[n-1] != want {
		t.Errorf("got %d, want %d", got[n-1], want)
	}
}
