package train

import (
	"errors"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

// MemoryError means that a step does not fit into the device's memory.
type MemoryError struct {
	Batch   int   // that was requested
	Planned int64 // bytes of activations and gradients
	Fits    int   // batch that should fit if memory grows linearly with the batch; below 2: none does
	Err     error // of the device
}

func (e *MemoryError) Error() string {
	hint := fmt.Sprintf("set --batch to about %d, or --accumulate", e.Fits)
	if e.Fits < 2 {
		hint = "choose a smaller --size or --width"
	}
	return fmt.Sprintf("train: batch of %d: its %d MiB of activations do not fit into the device's memory: %s", e.Batch, e.Planned>>20, hint)
}

func (e *MemoryError) Unwrap() error { return e.Err }

// memoryError adds the batch that would fit to an error about memory. If the heap should have had room, other programs are using it; half the batch is
// a guess then.
func (t *Trainer) memoryError(err error) error {
	var mem *kernels.MemoryError
	var oom *vk.OutOfMemoryError
	if !errors.As(err, &mem) || !errors.As(err, &oom) || mem.Planned == 0 {
		return err
	}
	room := oom.Heap - oom.InUse
	if oom.Limit > 0 {
		room = min(room, oom.Limit)
	}
	n := int(float64(t.Config.Batch) * 0.9 * float64(room) / float64(mem.Planned))
	return &MemoryError{t.Config.Batch, mem.Planned, min(n, t.Config.Batch/2), err}
}
