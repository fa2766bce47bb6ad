package vk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestTransfersLargerThanTheStagingBuffer(t *testing.T) {
	const n = (2*stagingBytes + 4096) / 4
	w := make([]uint32, n)
	for i := range w {
		w[i] = uint32(i) * 2654435761
	}
	for _, m := range []Memory{DeviceLocal, Upload, Readback} {
		b := newBuffer(t, dev, n+3, m)
		if mapped := b.Bytes() != nil; mapped != (m != DeviceLocal) {
			t.Errorf("%v: mapped %v", m, mapped)
		}
		x := Range{b, 8, 4 * n}
		if err := dev.Write(x, bytesOf(w)); err != nil {
			t.Fatal(err)
		}
		if got := readWords(t, dev, x); !bytes.Equal(bytesOf(got), bytesOf(w)) {
			t.Errorf("%v: read other words than were written", m)
		}
		wantError(t, dev.Write(x, bytesOf(w[1:])), "the sizes must be equal")
		wantError(t, dev.Read(make([]byte, 16), Range{b, 4 * n, 16}), "which has")
	}
}

func TestTransfersWaitForSubmittedWork(t *testing.T) {
	const n = 1 << 16
	a, up, back := newWords(t, dev, make([]uint32, n)), newBuffer(t, dev, n, Upload), newBuffer(t, dev, n, Readback)
	r := dev.NewRecorder()
	r.Copy(a.All(), up.All())
	for range 20 {
		r.Dispatch(affineOp(t, dev, a.All(), a.All(), 1, 1)) // in place: its own earlier value
	}
	r.Copy(back.All(), a.All())
	s := end(t, r)
	runSegments(t, dev, s) // what is not written yet
	if err := dev.Write(up.All(), make([]byte, 4*n)); err != nil {
		t.Fatal(err)
	}
	for step := range uint32(10) {
		must[*Ticket](t)(dev.Submit(s))
		w := make([]uint32, n)
		w[n-1] = 1000 * (step + 1)
		if err := dev.Write(up.All(), bytesOf(w)); err != nil { // must not overtake the step that reads the old words
			t.Fatal(err)
		}
		if got := readWords(t, dev, back.All())[n-1]; got != 1000*step+20 {
			t.Fatalf("step %d: read %d, want %d", step, got, 1000*step+20)
		}
	}
}

func TestTooLargeAllocationIsOutOfMemory(t *testing.T) {
	held := newBuffer(t, dev, 1<<20, DeviceLocal)
	for _, size := range []int64{math.MaxInt64, 1 << 50, dev.Info().Limits.MaxAllocation + 1} {
		_, err := dev.NewBuffer(size, DeviceLocal, "activations")
		var oom *OutOfMemoryError
		if !errors.As(err, &oom) {
			t.Fatalf("%d bytes: %v, want an *OutOfMemoryError", size, err)
		}
		if oom.Purpose != "activations" || oom.Requested < size || oom.InUse < held.Size() || oom.Heap <= 0 {
			t.Errorf("%d bytes: %+v", size, *oom)
		}
		wantError(t, err, "activations", "in use", "batch")
	}
	// What a driver answers when memory is really gone takes the same way.
	err := dev.memoryError(&Error{"vkAllocateMemory", resultOutOfDeviceMemory}, "moments", 4096, 0)
	wantError(t, err, "out of device memory: moments needs 4096 bytes")
	err = dev.memoryError(&Error{"vkAllocateMemory", -10}, "moments", 4096, 0)
	wantError(t, err, "moments", "vkAllocateMemory: VK_ERROR_TOO_MANY_OBJECTS")
	_, err = dev.NewBuffer(0, DeviceLocal, "empty")
	wantError(t, err, "empty", "above 0")
}

// TestMemoryTypesSuitTheKindOfMemory uses the memory types that common drivers report (flags: 1 device local, 2 host visible, 4 coherent,
// 8 cached, 0x10 lazily allocated, 0x40 and 0x80 AMD's device coherent and uncached).
func TestMemoryTypesSuitTheKindOfMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []uint32
		of    DeviceType
		want  [3][]int // DeviceLocal, Upload, Readback
	}{
		{"lavapipe", []uint32{0xf}, CPU, [3][]int{{0}, {0}, {0}}},
		{"NVIDIA", []uint32{0, 1, 6, 0xe, 7}, Discrete, [3][]int{{1, 4}, {2, 3, 4}, {3, 2, 4}}},
		{"RADV", []uint32{1, 6, 7, 0xe, 0xc7, 0xce}, Discrete, [3][]int{{0, 2}, {1, 2, 3}, {3, 1, 2}}},
		{"RADV integrated", []uint32{1, 6, 7, 0xe}, Integrated, [3][]int{{0, 2, 1, 3}, {1, 2, 3}, {3, 1, 2}}},
		{"Intel integrated", []uint32{7, 0xf}, Integrated, [3][]int{{0, 1}, {0, 1}, {1, 0}}},
		{"tiler", []uint32{0x11, 3, 7, 0xb}, Integrated, [3][]int{{1, 2, 3}, {2}, {2}}}, // lazy is not for buffers, cached is not coherent here
	} {
		d := &Device{info: Info{Type: c.of}}
		for _, f := range c.flags {
			d.memory.types = append(d.memory.types, memoryType{flags: f})
		}
		for m, want := range c.want {
			if got := d.memoryTypes(^uint32(0), Memory(m)); !slices.Equal(got, want) {
				t.Errorf("%s: %v memory is of types %v, want %v", c.name, Memory(m), got, want)
			}
		}
		if got := d.memoryTypes(0, Upload); len(got) > 0 {
			t.Errorf("%s: types %v, want none", c.name, got)
		}
	}
}

// The heap of the best type is too small for the buffer.
func TestNextMemoryTypeAfterOutOfMemory(t *testing.T) {
	d := must[*Device](t)(Open("", Options{}))
	defer d.Close()
	best, next := len(d.memory.types), d.memoryTypes(^uint32(0), DeviceLocal)[0]
	d.memory.types = append(d.memory.types, memoryType{flags: 1, heap: uint32(len(d.memory.heaps))})
	d.memory.heaps = append(d.memory.heaps, 1<<10)
	d.inUse = append(d.inUse, 0)
	b := &Buffer{d: d, what: "activations", alloc: 1 << 20}
	if err := b.allocate([]int{best, next}); err != nil || b.heap != int(d.memory.types[next].heap) {
		t.Errorf("heap %d, %v: want that of the second type", b.heap, err)
	}
	b.destroy()
	b = &Buffer{d: d, what: "activations", alloc: 1 << 20}
	err := b.allocate([]int{best})
	var oom *OutOfMemoryError
	if !errors.As(err, &oom) || oom.Heap != 1<<10 {
		t.Errorf("%v: want an *OutOfMemoryError for the heap of the only type", err)
	}
}

func TestQueueFamilyWithoutGraphicsIsPreferred(t *testing.T) {
	const graphics, compute, transfer = 1, 2, 4
	for _, c := range []struct {
		name     string
		families []queueFamily
		want     int
	}{
		{"one family", []queueFamily{{graphics | compute | transfer, 64}}, 0},
		{"compute beside graphics", []queueFamily{{graphics | compute | transfer, 64}, {transfer, 64}, {compute | transfer, 64}, {compute, 64}}, 2},
		{"compute without timestamps", []queueFamily{{graphics | compute, 36}, {compute, 0}}, 0},
		{"graphics without compute", []queueFamily{{graphics, 64}, {graphics | compute, 0}}, 1},
		{"no compute", []queueFamily{{graphics, 64}, {transfer, 64}}, -1},
		{"no family", nil, -1},
	} {
		if got := chooseFamily(c.families); got != c.want {
			t.Errorf("%s: family %d, want %d", c.name, got, c.want)
		}
	}
}

func TestFreeReleasesTheMemory(t *testing.T) {
	sum := func() (n int64) {
		dev.mu.Lock()
		defer dev.mu.Unlock()
		for _, v := range dev.inUse {
			n += v
		}
		return n
	}
	before := sum()
	b := newBuffer(t, dev, 1000, Upload)
	if got := sum(); got < before+4000 {
		t.Errorf("%d bytes in use, want at least %d", got, before+4000)
	}
	b.Free()
	if got := sum(); got != before || b.Bytes() != nil {
		t.Errorf("%d bytes in use after Free, want %d; mapped: %v", got, before, b.Bytes() != nil)
	}
}

func TestErrorsNameTheCallAndTheResult(t *testing.T) {
	err := fmt.Errorf("step 3: %w", &Error{"vkQueueSubmit", resultDeviceLost})
	wantError(t, err, "vk: vkQueueSubmit: VK_ERROR_DEVICE_LOST")
	if !errors.Is(err, ErrDeviceLost) || errors.Is(&Error{"vkQueueSubmit", -1}, ErrDeviceLost) {
		t.Error("ErrDeviceLost matches the wrong results")
	}
	if s := Result(-123).String(); s != "VkResult(-123)" {
		t.Error(s)
	}
}

func TestInfoIsJSONInSnakeCase(t *testing.T) {
	text, err := json.Marshal(dev.Info())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"type":"` + dev.Info().Type.String() + `"`, `"storage_buffers_per_stage":`, `"subgroup_size":`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	var back Info
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, dev.Info()) {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

func TestStorageRangeOptionOnlyLowersTheLimit(t *testing.T) {
	full := dev.Info().Limits.StorageRange
	for _, c := range []struct {
		ask  int64
		want uint32
	}{{1 << 16, 1 << 16}, {1 << 40, full}} {
		d := must[*Device](t)(Open("", Options{StorageRange: c.ask}))
		if got := d.Info().Limits.StorageRange; got != c.want {
			t.Errorf("StorageRange %d: limit %d, want %d", c.ask, got, c.want)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestVulkan10PathGivesTheSameResult opens the device as a Vulkan 1.0 device, without the structs of later versions.
func TestVulkan10PathGivesTheSameResult(t *testing.T) {
	d := must[*Device](t)(open("", Options{}, 1<<22))
	defer d.Close()
	if c := d.Info().Caps; c.SubgroupSize != 0 { // a query of Vulkan 1.1
		t.Errorf("capabilities beyond Vulkan 1.0: %+v", c)
	}
	a, b := newWords(t, d, []uint32{1, 2, 3, 4}), newBuffer(t, d, 4, DeviceLocal)
	r := d.NewRecorder()
	r.Dispatch(affineOp(t, d, b.All(), a.All(), 3, 1))
	runSegments(t, d, end(t, r))
	if got := readWords(t, d, b.All()); got[3] != 13 {
		t.Errorf("got %v", got)
	}
}

func TestCloseFreesEverything(t *testing.T) {
	d := must[*Device](t)(Open("", Options{}))
	a, b := must[*Buffer](t)(d.NewBuffer(4096, DeviceLocal, "a")), must[*Buffer](t)(d.NewBuffer(4096, Readback, "b"))
	r := d.NewRecorder()
	r.Dispatch(affineOp(t, d, b.All(), a.All(), 1, 1))
	s := must[*Segment](t)(r.End())
	ticket := must[*Ticket](t)(d.Submit(s))
	for range 2 { // the second call does nothing
		if err := d.Close(); err != nil { // the layer would report what was not destroyed
			t.Fatal(err)
		}
	}
	if err := ticket.Wait(); err != nil {
		t.Error(err)
	}
	s.Free()
	a.Free()
	b.Free()
	_, err := d.NewBuffer(16, Upload, "late")
	wantError(t, err, "late", "closed")
	_, err = d.Pipeline(affine(1))
	wantError(t, err, "closed")
	_, err = d.Submit(s)
	wantError(t, err, "closed")
}

// TestValidationMessagesArrive provokes a hazard (write after read without a barrier) and clears the messages for TestMain.
func TestValidationMessagesArrive(t *testing.T) {
	needLayer(t)
	if err := CheckValidation(); err != nil {
		t.Fatal(err)
	}
	d := must[*Device](t)(Open("", Options{Validation: true}))
	defer d.Close()
	a, b := newBuffer(t, d, 64, DeviceLocal), newBuffer(t, d, 64, DeviceLocal)
	r := d.NewRecorder()
	r.noBarrier = true
	r.Copy(a.All(), b.All())
	r.Dispatch(affineOp(t, d, b.All(), a.All(), 1, 1))
	end(t, r)
	messages, err := ValidationMessages(), CheckValidation()
	clearMessages()
	if len(messages) == 0 || !strings.Contains(messages[0], "SYNC-HAZARD-") {
		t.Fatalf("messages %q, want a SYNC-HAZARD", messages)
	}
	wantError(t, err, "validation messages", "SYNC-HAZARD-")
	// The same with its barrier is silent.
	r = d.NewRecorder()
	r.Copy(a.All(), b.All())
	r.Dispatch(affineOp(t, d, b.All(), a.All(), 1, 1))
	end(t, r)
	if err := CheckValidation(); err != nil {
		t.Error(err)
	}
}

// TestGarbageCollectionDoesNotFreeVulkanArguments compiles, records and submits while the collector runs continuously.
func TestGarbageCollectionDoesNotFreeVulkanArguments(t *testing.T) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		var keep [8][]byte
		for i := 0; !stop.Load(); i++ {
			keep[i%8] = make([]byte, 600<<10)
			runtime.GC()
		}
	}()
	defer wg.Wait()
	defer stop.Store(true)
	const n = 64
	a, b := newWords(t, dev, make([]uint32, n)), newBuffer(t, dev, n, DeviceLocal)
	want := uint32(0)
	for i := range uint32(60) {
		r := dev.NewRecorder()
		for j := range uint32(8) {
			r.Dispatch(affineOp(t, dev, b.All(), a.All(), 1000+i, j))
			r.Copy(a.All(), b.All())
			want = (1000+i)*want + j
		}
		s := must[*Segment](t)(r.End())
		runSegments(t, dev, s)
		s.Free()
	}
	for i, v := range readWords(t, dev, a.All()) {
		if v != want {
			t.Fatalf("a[%d] = %d, want %d", i, v, want)
		}
	}
}

func TestDeviceServesSeveralGoroutines(t *testing.T) {
	const workers, steps, n = 6, 12, 1024
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	for w := range uint32(workers) {
		wg.Go(func() { errs <- work(w, steps, n) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}

// work uses the shared device in every way that a goroutine may: buffers, pipelines (shared and own), transfers, recordings,
// submissions, and two waits for one ticket.
func work(w uint32, steps int, n int64) error {
	a, err := dev.NewBuffer(4*n, DeviceLocal, "worker")
	if err != nil {
		return err
	}
	defer a.Free()
	if err := dev.Write(a.All(), make([]byte, 4*n)); err != nil {
		return err
	}
	want := uint32(0)
	for i := range uint32(steps) {
		p, err := dev.Pipeline(affine(500 + i + w%2))
		if err != nil {
			return err
		}
		r := dev.NewRecorder()
		r.Dispatch(Dispatch{Pipeline: p, Bindings: []Binding{{Range: a.All(), Access: Read}, {Range: a.All(), Access: Write}}, Push: push(w), Groups: [3]uint32{uint32(n+63) / 64, 1, 1}})
		s, err := r.End()
		if err != nil {
			return err
		}
		ticket, err := dev.Submit(s, s)
		if err != nil {
			return err
		}
		second := make(chan error)
		go func() { second <- ticket.Wait() }()
		if err := errors.Join(ticket.Wait(), <-second); err != nil {
			return err
		}
		s.Free()
		for range 2 {
			want = (500+i+w%2)*want + w
		}
	}
	got := make([]uint32, n)
	if err := dev.Read(bytesOf(got), a.All()); err != nil {
		return err
	}
	if got[n-1] != want {
		return fmt.Errorf("worker %d: %d, want %d", w, got[n-1], want)
	}
	return nil
}
