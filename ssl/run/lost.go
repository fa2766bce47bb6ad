package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// maxLosses is the number of losses of the device without a checkpoint in between that end a run: a device that is lost again and again at the same
// place will not get over it.
const maxLosses = 3

// LostError ends a run whose device was lost maxLosses times without a checkpoint in between. The run can be resumed.
type LostError struct {
	Dir, Device string
	Step        int // of the last checkpoint, 0: none
	Err         error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("run: %s: the device %s was lost %d times (VK_ERROR_DEVICE_LOST) between step %d and the next checkpoint: "+
		"update its driver, or save more often (--save-every)", e.Dir, e.Device, maxLosses, e.Step)
}

// Unwrap returns the error of the last loss.
func (e *LostError) Unwrap() error { return e.Err }

// reopen opens the device again after it was lost, and returns the checkpoint to continue from; nil: none, and the run begins again.
func (r *Run) reopen(dev *vk.Device, lost error) (*net.Checkpoint, error) {
	if r.losses++; r.losses == maxLosses {
		return nil, &LostError{r.Dir, dev.Info().Name, r.saved, lost}
	}
	if err := dev.Reopen(); err != nil {
		return nil, fmt.Errorf("run: %s: %w", r.Dir, err)
	}
	c, note, err := net.LoadNewest(filepath.Join(r.Dir, CheckpointFile))
	from := 0
	switch {
	case err == nil:
		from = c.Meta.Step
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	if note != "" {
		r.Notice("%s", note)
	}
	r.Notice("the device %s was lost (VK_ERROR_DEVICE_LOST): it was opened again, and the run continues from step %d", dev.Info().Name, from)
	return c, nil
}
