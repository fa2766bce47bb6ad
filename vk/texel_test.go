package vk

import (
	_ "embed"
	"encoding/json"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

//go:embed testdata/texel.spv
var texelSPV []byte

func texel(local uint32) Kernel {
	return Kernel{Name: "texel", Code: words(texelSPV), Bindings: 3, Texel: 0b101, PushBytes: 4, Spec: []uint32{local}}
}

// texelOp is dst = a + scale·reversed(b), in texels of four floats.
func texelOp(t testing.TB, d *Device, dst, a, b Range, scale float32) Dispatch {
	t.Helper()
	return Dispatch{Pipeline: must[*Pipeline](t)(d.Pipeline(texel(64))), Bindings: []Binding{{Range: a, Access: Read}, {Range: dst, Access: Write}, {Range: b, Access: Read}},
		Push: push(scale), Groups: [3]uint32{uint32(dst.Size/16+63) / 64, 1, 1}}
}

// newFloats makes a device-local buffer of from, from+1, ... from+n-1.
func newFloats(t testing.TB, d *Device, from, n int) *Buffer {
	t.Helper()
	w := make([]uint32, n)
	for i := range w {
		w[i] = math.Float32bits(float32(from + i))
	}
	return newWords(t, d, w)
}

func readFloats(t testing.TB, d *Device, r Range) []float32 {
	t.Helper()
	f := make([]float32, r.Size/4)
	for i, w := range readWords(t, d, r) {
		f[i] = math.Float32frombits(w)
	}
	return f
}

// TestTexelBindingCoversExactlyItsRange binds two parts of one buffer with different lengths. The result depends on the offsets, on the
// lengths, which the shader queries, and on the order of the bindings.
func TestTexelBindingCoversExactlyItsRange(t *testing.T) {
	l := dev.Info().Limits
	step := max(l.TexelAlign, l.StorageAlign, 16) // bytes; all are powers of two
	k := int(step / 4)                            // floats
	src, dst := newFloats(t, dev, 0, 8*k), newBuffer(t, dev, 8*k, DeviceLocal)
	a, b, to := Range{src, 2 * step, 4 * step}, Range{src, 5 * step, 2 * step}, Range{dst, step, 6 * step}
	r := dev.NewRecorder()
	r.Fill(dst.All(), math.Float32bits(-1))
	r.Dispatch(texelOp(t, dev, to, a, b, 1000))
	runSegments(t, dev, end(t, r))
	for i, v := range readFloats(t, dev, dst.All()) {
		want := float32(-1)
		if j := i - k; j >= 0 && j < 2*k { // as long as b, the shortest
			texel, lane := j/4, j%4
			want = float32(2*k+j) + 1000*float32(5*k+2*k-4-4*texel+lane)
		}
		if v != want { // integers below 2^24: exact
			t.Fatalf("float %d = %v, want %v", i, v, want)
		}
	}
}

func TestEqualTexelRangesShareAView(t *testing.T) {
	step := max(dev.Info().Limits.TexelAlign, 16)
	a, b := newFloats(t, dev, 0, int(step)), newBuffer(t, dev, int(step), DeviceLocal)
	first, second := Range{a, 0, step}, Range{a, step, step}
	r := dev.NewRecorder()
	for range 3 {
		r.Dispatch(texelOp(t, dev, b.All(), first, second, 1))
		r.Dispatch(texelOp(t, dev, b.All(), second, first, 1))
		r.Dispatch(texelOp(t, dev, b.All(), first, first, 1))
	}
	s := end(t, r)
	if len(s.views) != 2 || len(r.layouts) != 3 {
		t.Errorf("%d views and %d sets, want 2 of 2 ranges and 3 of 3 combinations", len(s.views), len(r.layouts))
	}
	for _, v := range s.views {
		if v.view == 0 {
			t.Errorf("range at %d has no view", v.offset)
		}
	}
	runSegments(t, dev, s)
}

// TestTexelReadsAreOrderedAndReplay copies a buffer back and forth through texel reads many times without waiting, and adds 1 each time.
// The validation layer reports a missing barrier; the sum shows a wrong order.
func TestTexelReadsAreOrderedAndReplay(t *testing.T) {
	const n, steps = 256, 50
	x, y, z := newFloats(t, dev, 0, n), newBuffer(t, dev, n, DeviceLocal), newBuffer(t, dev, n, DeviceLocal)
	r := dev.NewRecorder()
	r.Fill(z.All(), 0)
	r.Dispatch(texelOp(t, dev, y.All(), z.All(), x.All(), 1)) // y = reversed x
	r.Fill(z.All(), math.Float32bits(1))
	r.Dispatch(texelOp(t, dev, x.All(), z.All(), y.All(), 1)) // x = 1 + reversed y
	r.Copy(y.All(), x.All())
	r.Dispatch(texelOp(t, dev, z.All(), y.All(), y.All(), 0))
	s := end(t, r)
	if want := []int{1, 2, 3, 4, 5}; !slices.Equal(s.Barriers(), want) {
		t.Errorf("barriers before %v, want %v", s.Barriers(), want)
	}
	var last *Ticket
	for range steps {
		last = must[*Ticket](t)(dev.Submit(s, s))
	}
	if err := last.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, v := range readFloats(t, dev, z.All()) {
		if want := float32(i + 2*steps); v != want { // small integers: exact
			t.Fatalf("z[%d] = %v after %d replays, want %v", i, v, 2*steps, want)
		}
	}
}

// TestLayerReportsATexelHazard checks that the layer reports a texel read after a copy without a barrier, on which the other tests rely.
func TestLayerReportsATexelHazard(t *testing.T) {
	needLayer(t)
	a, b, c := newFloats(t, dev, 0, 64), newBuffer(t, dev, 64, DeviceLocal), newBuffer(t, dev, 64, DeviceLocal)
	r := dev.NewRecorder()
	r.noBarrier = true
	r.Copy(b.All(), a.All())
	r.Dispatch(texelOp(t, dev, c.All(), b.All(), a.All(), 1))
	end(t, r)
	messages := ValidationMessages()
	clearMessages()
	if len(messages) == 0 || !strings.Contains(messages[0], "SYNC-HAZARD-READ-AFTER-WRITE") {
		t.Fatalf("messages %q, want a SYNC-HAZARD-READ-AFTER-WRITE", messages)
	}
}

func TestRecorderRejectsInvalidTexelBindings(t *testing.T) {
	d := must[*Device](t)(Open("", Options{StorageRange: 4096}))
	defer d.Close()
	l := d.Info().Limits
	if l.TexelElements != 256 {
		t.Fatalf("%d texel elements with a storage range of 4096 bytes, want 256", l.TexelElements)
	}
	a, b := newFloats(t, d, 0, 2048), newBuffer(t, d, 1024, DeviceLocal)
	in := Range{a, 0, 4096}
	for name, c := range map[string]struct {
		change func(x *Dispatch)
		want   []string
	}{
		"written":    {func(x *Dispatch) { x.Bindings[0].Access = ReadWrite }, []string{"blur", "binding 0", "buffer test", "texel buffer", "not Read"}},
		"only write": {func(x *Dispatch) { x.Bindings[2].Access = Write }, []string{"binding 2", "not Read"}},
		"no access":  {func(x *Dispatch) { x.Bindings[2].Access = 0 }, []string{"binding 2: access 0"}},
		"size":       {func(x *Dispatch) { x.Bindings[0].Range.Size = 40 }, []string{"binding 0: 40 bytes", "multiple of 16"}},
		"elements":   {func(x *Dispatch) { x.Bindings[0].Range.Size = 4096 + 16 }, []string{"binding 0: 4112 bytes", "binds at most 4096"}},
		"past the end": {func(x *Dispatch) { x.Bindings[0].Range.Offset = 8192 - 16 }, []string{
			"binding 0: bytes 8176 to 12272 are not all in buffer test, which has 8192"}},
	} {
		x := texelOp(t, d, b.All(), in, in, 1)
		x.Label = "blur"
		c.change(&x)
		r := d.NewRecorder()
		r.Dispatch(x)
		_, err := r.End()
		t.Run(name, func(t *testing.T) { wantError(t, err, c.want...) })
	}
	// Alignment, with limits of all sizes: the device's own may be as small as a texel.
	for _, align := range []int64{1, 16, 256} {
		x := Binding{Range: Range{a, 128, 64}, Access: Read}
		err := x.check(Limits{TexelAlign: align, TexelElements: 4, StorageAlign: 4096}, true)
		if align <= 128 && err != nil {
			t.Errorf("offset 128 of alignment %d: %v", align, err)
		} else if align > 128 {
			wantError(t, err, "offset 128 of buffer test is not a multiple of 256")
		}
	}
}

func TestTexelBindingsHaveTheirOwnLayouts(t *testing.T) {
	get := func(k Kernel) *Pipeline { return must[*Pipeline](t)(dev.Pipeline(k)) }
	storage := Kernel{Name: "texel layout", Code: words(affineSPV), Bindings: 3, PushBytes: 4, Spec: []uint32{64, 1}}
	if x, y := get(texel(64)), get(storage); x.setLayout == y.setLayout || x.layout == y.layout {
		t.Error("kernels with and without texel buffers have the same layouts")
	}
	if x, y := get(texel(64)), get(texel(32)); x == y || x.layout != y.layout || x.setLayout != y.setLayout {
		t.Error("variants of one kernel are the same or have different layouts")
	}
	k := texel(64)
	k.Texel = 0b001
	_, err := dev.Pipeline(k)
	wantError(t, err, "another kernel has the same name")
	k.Texel = 0b1001
	_, err = dev.Pipeline(k)
	wantError(t, err, "texel", "0b1001", "among the 3 bindings")
	k.Bindings, k.Texel = 20, 1<<17-1
	_, err = dev.Pipeline(k)
	wantError(t, err, "at most 16")
	k.Bindings, k.Texel = int(dev.Info().Limits.StorageBuffersPerStage)+3, 0b11
	_, err = dev.Pipeline(k)
	wantError(t, err, "texel", "2 of them texel buffers")
}

// TestTexelLimitsAreReported checks the guaranteed minima of the Vulkan specification (table "Required Limits").
func TestTexelLimitsAreReported(t *testing.T) {
	l := dev.Info().Limits
	if l.TexelElements < 65536 || l.TexelAlign < 1 || l.TexelAlign > 256 || l.TexelAlign&(l.TexelAlign-1) != 0 {
		t.Errorf("%d texel elements, aligned to %d: outside the limits that Vulkan guarantees", l.TexelElements, l.TexelAlign)
	}
	text := must[[]byte](t)(json.Marshal(l))
	for _, want := range []string{`"texel_elements":`, `"texel_align":`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}

// TestViewsEndWithTheirSegment relies on the layer to report a view that is destroyed in use, or left when the device closes. A buffer
// may be freed before the segment that has views of it.
func TestViewsEndWithTheirSegment(t *testing.T) {
	d := must[*Device](t)(Open("", Options{}))
	a, b := newFloats(t, d, 0, 4096), newBuffer(t, d, 4096, DeviceLocal)
	record := func() *Segment {
		r := d.NewRecorder()
		for range 10 {
			r.Dispatch(texelOp(t, d, b.All(), a.All(), a.All(), 2))
		}
		return must[*Segment](t)(r.End())
	}
	for range 3 {
		s := record()
		must[*Ticket](t)(d.Submit(s))
		s.Free()
	}
	s, left := record(), record()
	must[*Ticket](t)(d.Submit(s, left))
	a.Free()
	s.Free()
	if err := d.Close(); err != nil { // frees the other
		t.Error(err)
	}
	left.Free()
	if err := CheckValidation(); err != nil {
		t.Error(err)
	}
}

// TestGarbageCollectionDoesNotFreeViews makes views, sets and submissions from two goroutines while the collector runs continuously.
func TestGarbageCollectionDoesNotFreeViews(t *testing.T) {
	var stop atomic.Bool
	var collector, workers sync.WaitGroup
	collector.Go(func() {
		var keep [8][]byte
		for i := 0; !stop.Load(); i++ {
			keep[i%8] = make([]byte, 600<<10)
			runtime.GC()
		}
	})
	defer collector.Wait()
	defer stop.Store(true)
	const n, rounds, parts = 1024, 25, 4
	one := newFloats(t, dev, 1, 4) // 1, 2, 3, 4
	var results [2]*Buffer
	for w := range results {
		x, y := newWords(t, dev, make([]uint32, n)), newBuffer(t, dev, n, DeviceLocal)
		results[w] = x
		var ops [parts]Dispatch // y = x + one, for the first texel of each quarter
		for i := range ops {
			at := int64(i * n) // bytes: a quarter has n
			ops[i] = texelOp(t, dev, Range{y, at, 16}, Range{x, at, n}, one.All(), 1)
		}
		workers.Go(func() {
			for range rounds {
				if err := runAndCopyBack(ops[:], x); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	for _, x := range results {
		for i, v := range readFloats(t, dev, x.All()) {
			want := float32(0)
			if i%(n/parts) < 4 {
				want = rounds * float32(i%4+1)
			}
			if v != want { // small integers: exact
				t.Fatalf("x[%d] = %v, want %v", i, v, want)
			}
		}
	}
}

// runAndCopyBack records and runs the ops; after each it copies the output to the same place in x.
func runAndCopyBack(ops []Dispatch, x *Buffer) error {
	r := dev.NewRecorder()
	for _, op := range ops {
		r.Dispatch(op)
		dst := op.Bindings[1].Range
		r.Copy(Range{x, dst.Offset, dst.Size}, dst)
	}
	s, err := r.End()
	if err != nil {
		return err
	}
	defer s.Free()
	ticket, err := dev.Submit(s)
	if err != nil {
		return err
	}
	return ticket.Wait()
}

// TestTexelBindingsNeedOnlyVulkan10 simulates a Vulkan 1.0 driver. The layer reports a pool that has too little room for its sets.
func TestTexelBindingsNeedOnlyVulkan10(t *testing.T) {
	d := must[*Device](t)(open("", Options{}, 1<<22))
	defer d.Close()
	a, b := newFloats(t, d, 0, 256), newBuffer(t, d, 256, DeviceLocal)
	r := d.NewRecorder()
	r.Dispatch(texelOp(t, d, b.All(), a.All(), a.All(), 1))
	r.Dispatch(affineOp(t, d, b.All(), b.All(), 1, 0))
	runSegments(t, d, end(t, r))
	if got := readFloats(t, d, b.All())[5]; got != 5+249 {
		t.Errorf("got %v, want %d", got, 5+249)
	}
}
