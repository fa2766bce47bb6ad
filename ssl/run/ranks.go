package run

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// start is what the first rank of a run tells the others.
type start struct {
	Config                               Config
	Variants                             map[string]string
	Channels, Step, SaveEvery, KeepEvery int
}

// Follow computes another rank's share of a run, whose first rank is in Run.Pretrain, until the run ends. open opens the images of the run, with a number of
// channels, and makes its method. Follow returns ErrStopped if the run stopped early, a *ranks.LostError if it failed elsewhere. The caller closes comm.
func Follow(ctx context.Context, dev *vk.Device, comm ranks.Comm, open func(c Config, channels int) (ssl.Method, *data.Set, error)) error {
	err := follow(ctx, dev, comm, open)
	if err != nil && !errors.Is(err, ErrStopped) && !OnAllRanks(err) {
		comm.Abort(err)
	}
	return err
}

// OnAllRanks reports whether every rank has an error, so that none needs to tell the others.
func OnAllRanks(err error) bool {
	var bad *train.NonFiniteError
	return errors.As(err, &bad) && bad.First == "" || // else it was found in a part of one rank
		errors.As(err, new(*DivergedError)) || errors.As(err, new(*ranks.MismatchError))
}

// follow is Follow that does not tell the other ranks of its error.
func follow(ctx context.Context, dev *vk.Device, comm ranks.Comm, open func(c Config, channels int) (ssl.Method, *data.Set, error)) error {
	text, err := ranks.Broadcast(comm, 0, nil)
	if err != nil {
		return err
	}
	var s start
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("run: settings of the first rank: %w: start all ranks with the same program", err)
	}
	m, set, err := open(s.Config, s.Channels)
	if err != nil {
		return err
	}
	r := &Run{Config: s.Config, Method: m, Set: set, SaveEvery: s.SaveEvery, KeepEvery: s.KeepEvery, Ranks: comm, data: set.Fingerprint()}
	if err := r.compareRanks(); err != nil {
		return err
	}
	j, err := r.Config.job(m, set)
	if err != nil {
		return err
	}
	j.Ranks = comm
	st := kernels.NewStore(dev)
	st.Pin(s.Variants)
	if r.trainer, err = train.New(st, r.Config.Config, j); err != nil {
		return err
	}
	defer r.trainer.Free()
	if err := r.join(s.Step); err != nil {
		return err
	}
	if stopped, err := r.agree(false); err != nil || stopped {
		return cmp.Or(err, ErrStopped)
	}
	for r.trainer.Step() < r.trainer.Steps() {
		next := r.nextSave()
		if err := r.trainer.Train(ctx, next, func(train.StepResult) {}); err != nil {
			return err
		}
		stopped, err := r.agree(ctx.Err() != nil || r.trainer.Step() < next)
		if err != nil {
			return err
		}
		if stopped && r.trainer.Step() < r.trainer.Steps() {
			return ErrStopped
		}
	}
	return nil
}

// NumDevices returns the number of devices that compute each batch.
func (r *Run) NumDevices() int {
	if r.Ranks != nil {
		return r.Ranks.Size()
	}
	return 1 + len(r.Devices)
}

// setSyncedRanks records how many ranks normalize together.
func (r *Run) setSyncedRanks() {
	if r.Config.SyncedRanks = 0; r.Config.SyncBN {
		r.Config.SyncedRanks = r.NumDevices()
	}
}

// noticeIdleSettings reports settings of several devices that change nothing in this run.
func (r *Run) noticeIdleSettings() {
	alone := r.NumDevices() == 1
	switch {
	case r.Config.SyncBN && alone:
		r.Notice("--sync-bn changes nothing on one device")
	case r.Config.SyncBN && r.trainer.MinBatchNormSize() == 0:
		r.Notice("--sync-bn changes nothing: the network and its heads have no batch norm that depends on other images")
	}
	if r.Config.Wire != ranks.FP32 && alone {
		r.Notice("--wire %s changes nothing on one device, which sends no gradients", r.Config.Wire)
	}
}

// orSyncBN adds SyncBN to the remedies for batch norms over few images, where it is one.
func (r *Run) orSyncBN() string {
	if r.NumDevices() > 1 && !r.Config.SyncBN {
		return ", or --sync-bn"
	}
	return ""
}

// withDevices runs f as the first of several ranks of this process, one for each of r.Devices besides f's own.
func (r *Run) withDevices(ctx context.Context, f func() error) error {
	var all sync.WaitGroup
	comms := ranks.Local(1 + len(r.Devices))
	r.Ranks = comms[0]
	for i, dev := range r.Devices {
		all.Go(func() {
			defer comms[i+1].Close()
			_ = Follow(ctx, dev, comms[i+1], func(Config, int) (ssl.Method, *data.Set, error) { return r.Method, r.Set, nil }) // the first rank is told
		})
	}
	err := f()
	comms[0].Close()
	all.Wait()
	return err
}

// invite tells the other ranks what is trained, and gives them the state of this one.
func (r *Run) invite() error {
	if r.Ranks == nil {
		return nil
	}
	text, err := json.Marshal(start{r.Config, r.trainer.Variants(), r.Set.C, r.trainer.Step(), r.SaveEvery, r.KeepEvery})
	if err != nil {
		return err
	}
	if _, err := ranks.Broadcast(r.Ranks, 0, text); err != nil {
		return err
	}
	if err := r.compareRanks(); err != nil {
		return err
	}
	return r.join(r.trainer.Step())
}

// compareRanks returns an error on all ranks if their programs or images differ.
func (r *Run) compareRanks() error {
	program, err := programFingerprint()
	if err != nil {
		return fmt.Errorf("run: the program cannot be read, to compare it with that of other ranks: %w", err)
	}
	return ranks.Compare(r.Ranks, map[string]string{"program": program, "data": r.dataName(), "teacher": teacherOf(r.Method)})
}

// dataName returns the number of the images and the first digits of their fingerprint.
func (r *Run) dataName() string { return fmt.Sprintf("%d images %.16s", r.Set.Len(), r.data) }

// teacherOf returns the fingerprint of the features that a method learns from, "" for none.
func teacherOf(m ssl.Method) string {
	if d, ok := m.(*ssl.Distill); ok && d.Teacher != nil {
		return d.Teacher.Fingerprint()
	}
	return ""
}

// join compares the device of this rank with those of the others, and takes over the state of the first rank.
func (r *Run) join(step int) error {
	variants, err := json.Marshal(r.trainer.Variants())
	if err != nil {
		return err
	}
	i := r.trainer.Store.Device().Info()
	if err := ranks.Compare(r.Ranks, map[string]string{
		"device":  fmt.Sprintf("%s, driver %s %#x", i.Name, i.Driver, i.DriverVersion),
		"kernels": fmt.Sprintf("%s %08x", kernels.InputAccess(r.trainer.Store.Device()), crc32.ChecksumIEEE(variants)),
	}); err != nil {
		return err
	}
	r.trainer.ContinueFrom(step)
	return r.trainer.Store.Raw(func(b []byte) (bool, error) {
		first, err := ranks.Broadcast(r.Ranks, 0, b)
		if r.Ranks.Rank() > 0 && err == nil {
			copy(b, first)
		}
		return r.Ranks.Rank() > 0, err
	})
}

// programFingerprint returns the first bytes of the SHA-256 of this program's file, in hexadecimal.
func programFingerprint() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%.8x", h.Sum(nil)), err
}

// DivergedError reports ranks whose states differ, although they made the same updates.
type DivergedError struct{ Step int }

func (e *DivergedError) Error() string {
	return fmt.Sprintf("run: step %d: the states of the ranks differ, though they made the same updates: a device computes wrong results: "+
		"marr devices --check tests one; --resume continues from the last checkpoint", e.Step)
}

// agree reports whether any rank stops after the current step. Before a checkpoint, also that of a stop, it compares the states of all ranks.
func (r *Run) agree(stop bool) (bool, error) {
	if r.Ranks == nil {
		return stop, nil
	}
	mine := []byte{0}
	if stop {
		mine[0] = 1
	}
	all, err := ranks.Gather(r.Ranks, mine)
	if err != nil {
		return false, err
	}
	for _, b := range all {
		stop = stop || b[0] != 0
	}
	if stop || r.shouldSave() {
		err = r.compareStates()
	}
	return stop, err
}

// compareStates returns a *DivergedError on all ranks if their states differ.
func (r *Run) compareStates() error {
	h := crc32.NewIEEE()
	if err := r.trainer.Store.Raw(func(b []byte) (bool, error) {
		_, err := h.Write(b)
		return false, err
	}); err != nil {
		return err
	}
	all, err := ranks.Gather(r.Ranks, h.Sum(nil))
	if err != nil {
		return err
	}
	for _, sum := range all {
		if !bytes.Equal(sum, all[0]) {
			return &DivergedError{r.trainer.Step()}
		}
	}
	return nil
}
