package train

import (
	"errors"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

// That also holds if the batch should fit into the heap: other processes use it too.
func TestMemoryErrorSuggestsASmallerBatch(t *testing.T) {
	for _, c := range []struct {
		planned, heap, used, limit int64
		want                       int
		says                       string
	}{
		{4 << 30, 2 << 30, 0, 0, 28, "about 28"},            // 0.9 · 64 · 2/4
		{4 << 30, 2 << 30, 1 << 30, 0, 14, "about 14"},      // half of the heap is in use
		{4 << 30, 8 << 30, 0, 2 << 30, 28, "about 28"},      // one allocation holds 2 GiB
		{1 << 30, 8 << 30, 0, 0, 32, "about 32"},            // should fit, but did not: half the batch
		{64 << 30, 1 << 30, 0, 0, 0, "--size"},              // not even one image
		{4 << 30, 2 << 30, 2 << 30, 0, 0, "smaller --size"}, // the store fills the heap
	} {
		x := &Trainer{Config: Config{Batch: 64}}
		err := x.memoryError(&kernels.MemoryError{Planned: c.planned, Err: &vk.OutOfMemoryError{Heap: c.heap, InUse: c.used, Limit: c.limit}})
		var got *MemoryError
		if !errors.As(err, &got) || got.Fits != c.want || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v, want %q in it", c, err, c.says)
		}
		if !errors.As(err, new(*vk.OutOfMemoryError)) {
			t.Error("the device's error is lost")
		}
	}
	if err := errors.New("other"); (&Trainer{}).memoryError(err) != err {
		t.Error("another error was changed")
	}
}
