package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// Snapshot returns the name of the checkpoint after an epoch that KeepEvery keeps.
func Snapshot(epoch int) string { return fmt.Sprintf("checkpoint-epoch%04d.ckpt", epoch) }

// nextSave returns the step of the next checkpoint: the end of the epoch, or a multiple of SaveEvery before it.
func (r *Run) nextSave() int {
	t := r.trainer
	next := (t.Step()/t.PerEpoch() + 1) * t.PerEpoch()
	if r.SaveEvery > 0 {
		next = min(next, (t.Step()/r.SaveEvery+1)*r.SaveEvery)
	}
	return next
}

// minSaveSteps is the smallest number of steps between checkpoints that no option asks for: after each epoch of a few steps, writing the checkpoint of a
// large network would take longer than the training.
const minSaveSteps = 20

// shouldSave reports whether the current step, which ends an epoch or is a multiple of SaveEvery, gets a checkpoint. Of the epochs, the first that ends at or
// after each multiple of minSaveSteps has one: resumed runs save at the same steps.
func (r *Run) shouldSave() bool {
	t := r.trainer
	step, epoch := t.Step(), t.PerEpoch()
	asked := r.SaveEvery > 0 && step%r.SaveEvery == 0 || r.KeepEvery > 0 && step%(r.KeepEvery*epoch) == 0
	return asked || step == t.Steps() || step%epoch == 0 && step/minSaveSteps > (step-epoch)/minSaveSteps
}

// save writes the checkpoint of the current step, and keeps it if it is a snapshot.
func (r *Run) save() error {
	if err := errors.Join(r.metrics.sync(), r.times.lines.Flush(), r.checkpoint(filepath.Join(r.Dir, CheckpointFile))); err != nil {
		return err
	}
	r.saved, r.losses = r.trainer.Step(), 0
	if err := r.keep(); err != nil {
		return err
	}
	return removeFile(filepath.Join(r.Dir, haltedFile))
}

// keep makes a snapshot of the newest checkpoint if it is of a whole number of KeepEvery epochs: a second name of the file, which is never written
// again, or a copy where the file system has no hard links.
func (r *Run) keep() error {
	t := r.trainer
	epoch := t.Step() / t.PerEpoch()
	if r.KeepEvery == 0 || r.saved == 0 || r.saved%(r.KeepEvery*t.PerEpoch()) != 0 || r.unmeasured {
		return nil
	}
	from, to := filepath.Join(r.Dir, CheckpointFile), filepath.Join(r.Dir, Snapshot(epoch))
	if err := removeFile(to); err != nil { // of a run that went back to an earlier epoch, perhaps because it was damaged
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return net.WriteFileAtomic(to, func(w io.Writer) error {
		_, err := io.Copy(w, source)
		return err
	})
}

// removeFile removes a file if it exists.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// checkpoint saves the current state of the run.
func (r *Run) checkpoint(path string) error {
	t := r.trainer
	config, err := json.Marshal(r.Config)
	if err != nil {
		return err
	}
	state, err := json.Marshal(t.Watch)
	if err != nil {
		return err
	}
	mean, std := t.Stats()
	return net.SaveCheckpoint(path, t.Store, net.Meta{
		Step: t.Step(), Epoch: t.Step() / t.PerEpoch(), Config: config, Data: r.data, Kernels: kernels.InputAccess(t.Store.Device()), Variants: t.Variants(),
		Mean: mean, Std: std, Channels: r.Set.C, Watch: state, Branch: t.Branch(), Unmeasured: r.unmeasured})
}
