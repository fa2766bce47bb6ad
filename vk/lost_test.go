package vk

import (
	"errors"
	"os"
	"testing"
	"time"
)

// losing is a device with two buffers and a segment on them.
type losing struct {
	d        *Device
	a, b, up *Buffer
	s        *Segment
}

func newLosing(t *testing.T, d *Device) *losing {
	t.Helper()
	x := &losing{d: d, a: newWords(t, d, []uint32{1, 2, 3, 4}), b: newBuffer(t, d, 4, DeviceLocal), up: newBuffer(t, d, 4, Upload)}
	r := d.NewRecorder()
	r.Dispatch(affineOp(t, d, x.b.All(), x.a.All(), 3, 1))
	x.s = end(t, r)
	return x
}

// lose makes the second of two submissions lose the device and returns the ticket of the first.
func (x *losing) lose(t *testing.T) *Ticket {
	t.Helper()
	x.d.SimulateLoss(2)
	first := must[*Ticket](t)(x.d.Submit(x.s))
	if _, err := x.d.Submit(x.s); !errors.Is(err, ErrDeviceLost) {
		t.Fatalf("the second submission: %v, want ErrDeviceLost", err)
	}
	return first
}

func TestEveryCallFailsAfterALoss(t *testing.T) {
	d := must[*Device](t)(Open("", Options{}))
	x := newLosing(t, d)
	first := x.lose(t)
	words := make([]byte, 16)
	calls := map[string]func() error{
		"Wait":                   first.Wait,
		"Submit":                 func() error { _, err := d.Submit(x.s); return err },
		"NewBuffer":              func() error { _, err := d.NewBuffer(16, DeviceLocal, "late"); return err },
		"Pipeline":               func() error { _, err := d.Pipeline(affine(9)); return err },
		"Read":                   func() error { return d.Read(words, x.b.All()) },
		"Write":                  func() error { return d.Write(x.a.All(), words) },
		"Write to mapped memory": func() error { return d.Write(x.up.All(), words) },
		"End":                    func() error { _, err := d.NewRecorder().End(); return err },
		"SaveCache":              d.SaveCache,
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrDeviceLost) {
			t.Errorf("%s: %v, want ErrDeviceLost", name, err)
		}
	}
	x.a.Free()
	x.s.Free()
	if err := d.Close(); !errors.Is(err, ErrDeviceLost) {
		t.Errorf("Close: %v, want ErrDeviceLost", err)
	}
	wantError(t, d.Reopen(), "closed")
}

func TestReopenedDeviceWorksAgain(t *testing.T) {
	dir := t.TempDir()
	d := must[*Device](t)(Open("", Options{CacheDir: dir, StorageRange: 1 << 20}))
	defer d.Close()
	d.Configure(Settings{Kernels: "lean"})
	before := d.watchdog
	old := newLosing(t, d)
	pipeline := must[*Pipeline](t)(d.Pipeline(affine(3)))
	first := old.lose(t)
	if err := d.Reopen(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("the cache of the lost device was saved: %v, %v", files, err)
	}
	if d.InUse() != 0 || d.Info().Limits.StorageRange != 1<<20 || d.Settings().Kernels != "lean" {
		t.Errorf("%d bytes in use, StorageRange %d, settings %+v", d.InUse(), d.Info().Limits.StorageRange, d.Settings())
	}
	if d.watchdog.unit != before.unit/2 || d.watchdog.most != before.most/2 {
		t.Errorf("watchdog %+v, before %+v: want half the times", d.watchdog, before)
	}

	x := newLosing(t, d)
	runSegments(t, d, x.s)
	if got := readWords(t, d, x.b.All()); got[3] != 13 {
		t.Errorf("got %v", got)
	}

	if err := first.Wait(); !errors.Is(err, ErrDeviceLost) {
		t.Errorf("a ticket of the lost device: %v, want ErrDeviceLost", err)
	}
	_, err := d.Submit(old.s)
	wantError(t, err, "freed")
	wantError(t, d.Read(make([]byte, 16), old.b.All()), "freed")
	if old.up.Bytes() != nil {
		t.Error("a buffer of the lost device is still mapped")
	}
	r := d.NewRecorder()
	r.Dispatch(Dispatch{Pipeline: pipeline, Bindings: []Binding{{Range: x.a.All(), Access: Read}, {Range: x.b.All(), Access: Write}}, Push: push(uint32(1)), Groups: [3]uint32{1, 1, 1}})
	_, err = r.End()
	wantError(t, err, "pipeline affine was freed")
	old.s.Free() // does nothing
	old.a.Free()
	if got := readWords(t, d, x.b.All()); got[3] != 13 {
		t.Errorf("after freeing what the lost device had: %v", got)
	}
}

// The device is lost while many submissions are in flight, and nobody waits for them.
func TestCloseOfALostDeviceReturns(t *testing.T) {
	d := must[*Device](t)(Open("", Options{}))
	x := newLosing(t, d)
	d.SimulateLoss(50)
	for range 49 {
		must[*Ticket](t)(d.Submit(x.s))
	}
	_, err := d.Submit(x.s)
	if !errors.Is(err, ErrDeviceLost) {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- d.Close() }()
	select {
	case err := <-closed:
		if !errors.Is(err, ErrDeviceLost) {
			t.Errorf("%v, want ErrDeviceLost", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Close does not return")
	}
}
