package vk

import (
	"errors"
	"fmt"
	"time"
)

// A device is lost when the driver resets it, for instance because a submission hangs, or when the driver loses contact with it. Vulkan
// may then report success for work that never ran, so the first VK_ERROR_DEVICE_LOST ends everything: all later calls fail too.

// Lost reports whether the device was lost and not opened again.
func (d *Device) Lost() bool { return d.lost.Load() != nil }

// noteLoss marks the device as lost if err means that, and returns err.
func (d *Device) noteLoss(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Result == resultDeviceLost {
		d.lost.CompareAndSwap(nil, e)
	}
	return err
}

// loss returns the error that reported the loss of the device, or nil if it is not lost.
func (d *Device) loss() error {
	if e := d.lost.Load(); e != nil {
		return e
	}
	return nil
}

// SimulateLoss makes the n-th call of Submit from now on, also one within Read and Write, lose the device: that call and all later ones
// fail with ErrDeviceLost, until Reopen. It is for tests.
func (d *Device) SimulateLoss(n int) {
	d.queue.Lock()
	defer d.queue.Unlock()
	d.loseAt = n
}

// simulateLoss returns the error of the submission that SimulateLoss chose. The caller holds d.queue.
func (d *Device) simulateLoss() error {
	if d.loseAt > 0 {
		if d.loseAt--; d.loseAt == 0 {
			return &Error{"vkQueueSubmit", resultDeviceLost}
		}
	}
	return nil
}

// reopenWaits are the pauses before each attempt to open a lost device: a driver may need seconds to reset it.
var reopenWaits = []time.Duration{0, time.Second, 4 * time.Second}

// Reopen opens the device again after it was lost (ErrDeviceLost), with the same options and settings. Everything that was made from it is
// freed as by Close: make new buffers, pipelines and segments. The old ones may be freed, which does nothing; any other use of them is an
// error. From now on submissions take at most half as long. It must not run concurrently with another method. After an error the device is
// closed.
func (d *Device) Reopen() error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return fmt.Errorf("vk: reopen: the device %q is closed", d.info.Name)
	}
	_ = d.free() // the error is that of the loss
	var err error
	for _, wait := range reopenWaits {
		time.Sleep(wait)
		if err = d.create(); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %q cannot be opened again: %w: start the command again, or the machine", ErrDeviceLost, d.info.Name, err)
	}
	d.watchdog.halve()
	d.lost.Store(nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = false
	return nil
}
