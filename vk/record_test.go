package vk

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

func TestBarriersPrecedeConflictsOnly(t *testing.T) {
	align := dev.Info().Limits.StorageAlign
	a, b, c := newBuffer(t, dev, 4096, DeviceLocal), newBuffer(t, dev, 4096, DeviceLocal), newBuffer(t, dev, 4096, DeviceLocal)
	part := func(b *Buffer, i int64) Range { return Range{b, i * align, align} }
	type acc struct {
		dst, src Range
	}
	for _, c := range []struct {
		name string
		ops  []acc
		want []int
	}{
		{"RAW", []acc{{a.All(), b.All()}, {c.All(), a.All()}}, []int{1}},
		{"WAR", []acc{{a.All(), b.All()}, {b.All(), c.All()}}, []int{1}},
		{"WAW", []acc{{a.All(), b.All()}, {a.All(), c.All()}}, []int{1}},
		{"two reads", []acc{{a.All(), c.All()}, {b.All(), c.All()}}, nil},
		{"parts of one buffer", []acc{{part(a, 0), part(a, 1)}, {part(a, 2), part(a, 3)}, {part(a, 4), part(a, 1)}}, nil},
		{"neighbors do not touch", []acc{{part(a, 1), b.All()}, {c.All(), part(a, 2)}, {part(a, 0), b.All()}}, nil},
		{"one byte range inside a merged one", []acc{{part(a, 1), b.All()}, {part(a, 2), b.All()}, {part(a, 0), b.All()}, {c.All(), part(a, 1)}}, []int{3}},
		{"one barrier serves many", []acc{{part(a, 0), part(b, 0)}, {part(a, 1), part(b, 1)}, {part(c, 0), part(a, 0)}, {part(c, 1), part(a, 1)}}, []int{2}},
		{"forgotten after a barrier", []acc{{a.All(), b.All()}, {c.All(), a.All()}, {b.All(), a.All()}, {a.All(), b.All()}}, []int{1, 3}},
	} {
		for _, how := range []string{"copy", "dispatch"} {
			r := dev.NewRecorder()
			for _, o := range c.ops {
				o.dst.Size = min(o.dst.Size, o.src.Size)
				o.src.Size = o.dst.Size
				if how == "copy" {
					r.Copy(o.dst, o.src)
				} else {
					r.Dispatch(affineOp(t, dev, o.dst, o.src, 1, 0))
				}
			}
			s := end(t, r)
			if !slices.Equal(s.Barriers(), c.want) {
				t.Errorf("%s (%s): barriers before %v, want %v", c.name, how, s.Barriers(), c.want)
			}
			runSegments(t, dev, s) // the validation layer looks on
		}
	}
}

// TestTrackerAgreesWithAByteMap compares the sorted spans with one flag per byte, on random accesses.
func TestTrackerAgreesWithAByteMap(t *testing.T) {
	const size = 64
	b := &Buffer{}
	tr := tracker{buffers: map[*Buffer]*touched{}}
	var read, written [size]bool
	g := rng.New(1)
	for i := range 20000 {
		lo := g.Intn(size)
		hi := lo + 1 + g.Intn(min(8, size-lo))
		a := Access(1 + g.Intn(3))
		want := false
		for j := lo; j < hi; j++ {
			want = want || written[j] || a&Write != 0 && read[j]
		}
		x := Range{b, int64(lo), int64(hi - lo)}
		if got := tr.conflicts(x, a); got != want {
			t.Fatalf("access %d (%d to %d, %d): conflict %v, want %v", i, lo, hi, a, got, want)
		}
		if g.Intn(8) == 0 { // a barrier now and then, so that the sets grow in between
			tr.reset()
			read, written = [size]bool{}, [size]bool{}
		}
		tr.add(x, a)
		for _, s := range []spans{tr.buffers[b].reads, tr.buffers[b].writes} {
			for k := range s {
				if s[k].lo >= s[k].hi || k > 0 && s[k-1].hi >= s[k].lo {
					t.Fatalf("access %d: spans %v are not sorted, disjoint and apart", i, s)
				}
			}
		}
		for j := lo; j < hi; j++ {
			read[j] = read[j] || a&Read != 0
			written[j] = written[j] || a&Write != 0
		}
	}
}

func TestSegmentMayBeInFlightManyTimes(t *testing.T) {
	const n, steps = 256, 200
	a, b := newWords(t, dev, make([]uint32, n)), newBuffer(t, dev, n, DeviceLocal)
	r := dev.NewRecorder()
	r.Dispatch(affineOp(t, dev, b.All(), a.All(), 3, 1)) // b = 3a + 1
	r.Dispatch(affineOp(t, dev, a.All(), b.All(), 5, 2)) // a = 5b + 2
	s := end(t, r)
	want := uint32(0)
	var last *Ticket
	for range steps { // nobody waits in between
		last = must[*Ticket](t)(dev.Submit(s, s))
		for range 2 {
			want = 5*(3*want+1) + 2
		}
	}
	if err := last.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, v := range readWords(t, dev, a.All()) {
		if v != want { // integers: exact
			t.Fatalf("a[%d] = %d after %d replays, want %d", i, v, 2*steps, want)
		}
	}
	dev.queue.Lock()
	defer dev.queue.Unlock()
	if n := len(dev.pending); n > 1 { // the one of the read just now
		t.Errorf("%d tickets that nobody waited for still hold their fences", n)
	}
}

func TestWorkCutsTheRecordingIntoSubmissions(t *testing.T) {
	const n = 64
	a, b := newWords(t, dev, make([]uint32, n)), newBuffer(t, dev, n, DeviceLocal)
	r := dev.NewRecorder()
	for i := range 6 {
		dst, src := a, b
		if i%2 == 0 {
			dst, src = b, a
		}
		op := affineOp(t, dev, dst.All(), src.All(), 2, 1)
		op.Work = dev.OpBudget() * 0.4
		r.Dispatch(op)
	}
	s := end(t, r)
	if want := []int{2, 4}; !slices.Equal(s.Cuts(), want) {
		t.Errorf("cuts %v, want %v", s.Cuts(), want)
	}
	if want := []int{1, 3, 5}; !slices.Equal(s.Barriers(), want) { // 2 and 4 begin command buffers
		t.Errorf("barriers before %v, want %v", s.Barriers(), want)
	}
	runSegments(t, dev, s)
	for i, o := range r.ops {
		if want := uint32(1); o.barrier != want { // each op depends on the one before, or begins a command buffer
			t.Errorf("op %d: barrier %d, want %d", i, o.barrier, want)
		}
	}
	if got := readWords(t, dev, a.All())[0]; got != 63 {
		t.Errorf("a = %d, want 2^6 - 1", got)
	}
	r = dev.NewRecorder()
	for range 2 { // an op above the budget has a submission of its own; what is no number counts as nothing
		op := affineOp(t, dev, b.All(), a.All(), 1, 0)
		op.Work = 10 * dev.OpBudget()
		r.Dispatch(op)
		op.Work = math.NaN()
		r.Dispatch(op)
	}
	if s := end(t, r); !slices.Equal(s.Cuts(), []int{1, 3}) {
		t.Errorf("cuts %v, want [1 3]", s.Cuts())
	}
}

// TestHostBarrierFollowsWritesToMappedMemory checks the recorded decision: no layer checks it, and a software device hides an error.
func TestHostBarrierFollowsWritesToMappedMemory(t *testing.T) {
	a, b, back := newBuffer(t, dev, 64, DeviceLocal), newBuffer(t, dev, 64, DeviceLocal), newBuffer(t, dev, 64, Readback)
	for _, c := range []struct {
		name string
		f    func(r *Recorder)
		want bool
	}{
		{"copy to device memory", func(r *Recorder) { r.Copy(a.All(), b.All()) }, false},
		{"read from mapped memory", func(r *Recorder) { r.Copy(a.All(), back.All()) }, false},
		{"copy", func(r *Recorder) { r.Copy(back.All(), a.All()) }, true},
		{"fill", func(r *Recorder) { r.Fill(back.All(), 1) }, true},
		{"dispatch", func(r *Recorder) { r.Dispatch(affineOp(t, dev, back.All(), a.All(), 1, 1)) }, true},
	} {
		r := dev.NewRecorder()
		c.f(r)
		if !slices.Equal(r.toHost, []bool{c.want}) {
			t.Errorf("%s: host barrier %v, want %v", c.name, r.toHost, c.want)
		}
	}
}

func TestLongRecordingIsCutAndKeepsItsOrder(t *testing.T) {
	const n, ops = 64, 2*maxOps + 10
	a := newWords(t, dev, make([]uint32, n))
	p := must[*Pipeline](t)(dev.Pipeline(saxpy(64, 1)))
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	x := newBuffer(t, dev, n, Upload)
	copy(x.Bytes(), bytesOf(ones))
	r := dev.NewRecorder()
	for range ops {
		r.Dispatch(Dispatch{Pipeline: p, Bindings: []Binding{{Range: x.All(), Access: Read}, {Range: a.All(), Access: ReadWrite}}, Push: push(uint32(n), float32(1)), Groups: [3]uint32{1, 1, 1}})
	}
	if len(r.layouts) != 1 {
		t.Errorf("%d descriptor sets for equal bindings, want 1", len(r.layouts))
	}
	s := end(t, r)
	if !slices.Equal(s.Cuts(), []int{maxOps, 2 * maxOps}) || s.Len() != ops {
		t.Errorf("%d ops cut at %v", s.Len(), s.Cuts())
	}
	runSegments(t, dev, s)
	if got := math.Float32frombits(readWords(t, dev, a.All())[n-1]); got != ops {
		t.Errorf("sum %v, want %d", got, ops)
	}
}

func TestRecorderReportsMisuseAtEnd(t *testing.T) {
	a, b, gone := newBuffer(t, dev, 1024, DeviceLocal), newBuffer(t, dev, 1024, DeviceLocal), newBuffer(t, dev, 16, DeviceLocal)
	gone.Free()
	other := must[*Device](t)(Open("", Options{StorageRange: 2048}))
	defer other.Close()
	foreign := newBuffer(t, other, 1024, DeviceLocal)
	good := func() Dispatch { return affineOp(t, dev, a.All(), b.All(), 1, 0) }
	change := func(f func(x *Dispatch)) func(r *Recorder) {
		x := good()
		x.Label = "layer1.conv"
		f(&x)
		return func(r *Recorder) { r.Dispatch(x) }
	}
	for name, c := range map[string]struct {
		f    func(r *Recorder)
		want string
	}{
		"no pipeline":     {change(func(x *Dispatch) { x.Pipeline = nil }), "layer1.conv (op 1): no pipeline"},
		"bindings":        {change(func(x *Dispatch) { x.Bindings = x.Bindings[:1] }), "1 bindings, and kernel affine has 2"},
		"push":            {change(func(x *Dispatch) { x.Push = nil }), "0 bytes of push constants, and kernel affine has 4"},
		"groups zero":     {change(func(x *Dispatch) { x.Groups[1] = 0 }), "work groups [16 0 1]"},
		"groups too many": {change(func(x *Dispatch) { x.Groups[2] = math.MaxUint32 }), "work groups"},
		"access":          {change(func(x *Dispatch) { x.Bindings[0].Access = 0 }), "binding 0: access 0"},
		"past the end":    {change(func(x *Dispatch) { x.Bindings[1].Range.Size += 4 }), "binding 1: bytes 0 to 4100 are not all in buffer test, which has 4096"},
		"overflow":        {change(func(x *Dispatch) { x.Bindings[1].Range.Offset, x.Bindings[1].Range.Size = math.MaxInt64-3, 8 }), "binding 1: bytes"},
		"misaligned":      {change(func(x *Dispatch) { x.Bindings[0].Range = Range{b, 1, 4} }), "offset 1 of buffer test"},
		"no buffer":       {change(func(x *Dispatch) { x.Bindings[0].Range = Range{} }), "no buffer"},
		"freed":           {change(func(x *Dispatch) { x.Bindings[0].Range = gone.All() }), "was freed"},
		"other device":    {change(func(x *Dispatch) { x.Bindings[0].Range = foreign.All() }), "another device"},
		"copy sizes":      {func(r *Recorder) { r.Copy(a.All(), Range{b, 0, 8}) }, "copy (op 1): 8 bytes to 4096"},
		"copy overlap":    {func(r *Recorder) { r.Copy(Range{a, 0, 8}, Range{a, 4, 8}) }, "overlap"},
		"fill alignment":  {func(r *Recorder) { r.Fill(Range{a, 2, 8}, 0) }, "multiples of 4"},
		"end twice": {func(r *Recorder) {
			s, _ := r.End()
			s.Free()
		}, "ended already"},
	} {
		r := dev.NewRecorder()
		r.Dispatch(good())
		c.f(r)
		r.Dispatch(good()) // does not cover up the first error
		_, err := r.End()
		t.Run(name, func(t *testing.T) { wantError(t, err, c.want) })
	}
	r := other.NewRecorder()
	r.Dispatch(affineOp(t, other, foreign.All(), foreign.All(), 1, 0))
	_, err := r.End()
	wantError(t, err, "4096 bytes", "binds at most 2048")
}

func TestSubmitRejectsFreedObjects(t *testing.T) {
	a, b := newBuffer(t, dev, 64, DeviceLocal), newBuffer(t, dev, 64, DeviceLocal)
	r := dev.NewRecorder()
	r.Copy(a.All(), b.All())
	s := end(t, r)
	b.Free()
	b.Free()
	_, err := dev.Submit(nil, s)
	wantError(t, err, "segment 1", "buffer test was freed")
	s.Free()
	s.Free()
	_, err = dev.Submit(s)
	wantError(t, err, "it was freed")
}

// TestFreeWaitsForWorkInFlight relies on the validation layer to report the destruction of an object in use.
func TestFreeWaitsForWorkInFlight(t *testing.T) {
	a, b := newBuffer(t, dev, 1<<20, DeviceLocal), newBuffer(t, dev, 1<<20, DeviceLocal)
	for range 3 {
		r := dev.NewRecorder()
		for range 10 {
			r.Dispatch(affineOp(t, dev, b.All(), a.All(), 3, 1))
		}
		s := end(t, r)
		must[*Ticket](t)(dev.Submit(s))
		s.Free()
	}
	r := dev.NewRecorder()
	r.Copy(b.All(), a.All())
	must[*Ticket](t)(dev.Submit(end(t, r)))
	a.Free()
}

func TestSubmitWithoutSegmentsIsDone(t *testing.T) {
	empty := end(t, dev.NewRecorder())
	for _, segs := range [][]*Segment{nil, {nil}, {empty, nil}} {
		runSegments(t, dev, segs...)
	}
	if err := (*Ticket)(nil).Wait(); err != nil {
		t.Error(err)
	}
}

// BenchmarkRecord records a step of 1000 ops over 300 tensors, as a ResNet-18 training step has.
func BenchmarkRecord(b *testing.B) {
	const tensors, ops = 300, 1000
	a := newBuffer(b, dev, tensors*1024, DeviceLocal)
	p := must[*Pipeline](b)(dev.Pipeline(affine(1)))
	at := func(i int) Range { return Range{a, int64(i%tensors) * 4096, 4096} }
	for b.Loop() {
		r := dev.NewRecorder()
		for i := range ops {
			r.Dispatch(Dispatch{Pipeline: p, Bindings: []Binding{{Range: at(i), Access: Read}, {Range: at(7*i + 1), Access: Write}}, Push: []byte{1, 0, 0, 0}, Groups: [3]uint32{16, 1, 1}})
		}
		s := must[*Segment](b)(r.End())
		s.Free()
	}
}
