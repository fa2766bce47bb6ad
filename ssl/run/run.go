package run

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/ssl/watch"
	"github.com/marr-ssl/marr/vk"
)

// The files of a run folder.
const (
	ConfigFile     = "config.toml"
	CheckpointFile = "checkpoint.ckpt"
	MetricsFile    = "metrics.jsonl"
	TableFile      = "metrics.csv"          // the values of metrics.jsonl
	previousFile   = "checkpoint.prev.ckpt" // as net.SaveCheckpoint names it
	skippedFile    = "skipped.txt"
	NeighborsFile  = "neighbors.json" // of measurements without labels, which tools make
	TimesFile      = "times.jsonl"    // a Time per line
)

// files are those that a new run writes.
var files = []string{CheckpointFile, previousFile, MetricsFile, TableFile, skippedFile, haltedFile, NeighborsFile, TimesFile}

// warnBatchNormSize is the number of samples that a batch norm normalizes together below which a run warns: from 32 to 16 and 8 the error of networks
// with batch norm rises steeply (Wu and He 2018, arXiv:1803.08494, figure 1).
const warnBatchNormSize = 32

// ErrStopped means that a run was stopped before its end. Its state is saved, and --resume continues it.
var ErrStopped = errors.New("stopped")

// Progress is the result of a step and the state of the run after it.
type Progress struct {
	train.StepResult
	Steps, Epochs   int
	ImagesPerSecond float64       // over the last few steps
	Left            time.Duration // estimate
}

// Run is a pre-training run in a folder: config.toml, checkpoint.ckpt (and the one before it), metrics.jsonl, times.jsonl, and skipped.txt if images of the set
// were unreadable.
type Run struct {
	Dir    string
	Resume bool
	Config Config
	Origin map[string]string // who chose a setting, by its name in config.toml ("flag"); others are defaults
	// Flags are flags of the command that do not decide the result. config.toml keeps them, by name, for the command that resumes the run.
	Flags  map[string]string
	Method ssl.Method
	// StopOnCollapse ends the run when its representation collapses. Without it Notice reports the collapse.
	StopOnCollapse bool
	SaveEvery      int    // steps between checkpoints; 0: a checkpoint after each epoch, or after several short ones (minSaveSteps)
	KeepEvery      int    // epochs between checkpoints that are kept as snapshots (Snapshot); 0: none
	TensorBoard    bool   // writes an event file (report.Events)
	Views          string // TOML applied on top of the method's own views (views.Decode); "": no change
	Set            *data.Set
	// Start sets the values that the backbone starts from (Config.Init), unless the run resumes from a checkpoint; nil: random ones.
	Start   func(st *kernels.Store) error
	Tuner   *kernels.Tuner       // chooses the kernels that no checkpoint pins; nil: the static rule chooses
	OnStart func(*train.Trainer) // called before the first step, and again when the run continues after its device was lost; may be nil
	OnStep  func(Progress)       // may be nil
	// Picture returns a picture of the views for TensorBoard; may be nil.
	Picture func(*train.Trainer) (image.Image, error)
	// AfterEpoch, when not nil, may measure the backbone after each epoch. The values that it returns become a line of metrics.jsonl with step and
	// epoch; nil: no line. It must not change the Store. Its error goes to Notice and does not end the run. If it ends early because its context is
	// done, the resumed run calls it again.
	AfterEpoch func(context.Context, *train.Trainer) (map[string]any, error)
	Notice     func(format string, args ...any) // may be nil
	// Devices are further devices that compute a share of each batch: Config.Accumulate must be a multiple of their number with the first. The result is
	// that of one device with the same Config, but for Config.SyncBN.
	Devices []*vk.Device
	// Ranks connects this process, the first rank, with others that are in Follow; nil: there are none. They must not be combined with Devices.
	Ranks ranks.Comm

	data         string            // fingerprint of Set
	resumedViews string            // Config.Views of the run that is resumed
	saved        int               // step of the last checkpoint
	fellBack     bool              // the newest checkpoint is damaged or missing, and the run resumes from the one before it
	unmeasured   bool              // AfterEpoch was stopped by its context at the current step
	prepared     bool              // the folder of the run is complete but for metrics and checkpoints
	losses       int               // of the device since the last checkpoint
	variants     map[string]string // kernels of the run by pass and shape
	trainer      *train.Trainer
	metrics      *metrics
	times        *times
	lock         *os.File
}

// Pretrain trains to the end, or until ctx is done: then it saves the run and returns ErrStopped. It returns the Trainer, also with ErrStopped, and the
// caller frees it. If the only device is lost, Pretrain opens it again (vk.Device.Reopen, which frees everything else that was made from it) and continues from
// the last checkpoint, with the result of a run that lost no device. After maxLosses losses without a checkpoint in between it returns a *LostError.
func (r *Run) Pretrain(ctx context.Context, dev *vk.Device) (*train.Trainer, error) {
	if r.Notice == nil {
		r.Notice = func(string, ...any) {}
	}
	r.Config.Resolve(r.Set)
	r.setSyncedRanks()
	r.data = r.Set.Fingerprint()
	if teacher := teacherOf(r.Method); teacher != "" {
		r.Config.Teacher = teacher
	}
	defer r.release()
	found, err := r.open()
	if err != nil {
		return nil, err
	}
	if found == nil && r.Config.Init != nil && r.Start == nil {
		return nil, fmt.Errorf("run: %s: nothing was saved yet, so the weights that it starts from are needed again: give --init or --run", r.Dir)
	}
	for _, check := range []func() error{
		func() error { return r.Config.CheckNetwork(r.Method) },
		func() error { return r.Config.CheckSize(r.Views, r.Method) },
		func() error { return r.Config.Check(r.Set) },
		r.checkPaths,
		func() error { return r.Config.SetViews(r.Views, r.Method, r.Set) },
		r.compareViews,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	again := func() (err error) {
		for {
			err = r.train(ctx, dev, found)
			if r.Ranks != nil || !errors.Is(err, vk.ErrDeviceLost) {
				break
			}
			if found, err = r.reopen(dev, err); err != nil {
				break
			}
		}
		if r.Ranks != nil && err != nil && !errors.Is(err, ErrStopped) {
			r.Ranks.Abort(err)
		}
		return err
	}
	if len(r.Devices) > 0 {
		err = r.withDevices(ctx, again)
	} else {
		err = again()
	}
	if err != nil && !errors.Is(err, ErrStopped) {
		return nil, err
	}
	return r.trainer, err
}

// train trains from a checkpoint (nil: none) to the end, or until ctx is done. It frees the trainer after an error other than ErrStopped.
func (r *Run) train(ctx context.Context, dev *vk.Device, found *net.Checkpoint) error {
	st := kernels.NewStore(dev)
	st.SetTuner(r.Tuner)
	if found != nil {
		r.variants = found.Meta.Variants
	}
	st.Pin(r.variants)
	j, err := r.Config.job(r.Method, r.Set)
	if err != nil {
		return err
	}
	if found == nil {
		j.Start = r.Start
	}
	j.Ranks = r.Ranks
	t, err := train.New(st, r.Config.Config, j)
	if err != nil {
		return err
	}
	r.trainer, r.variants, t.Watch = t, t.Variants(), &watch.Watch{Cause: alike(r.Set)}
	if err := r.start(found, dev); err != nil {
		t.Free()
		if errors.As(err, new(*ranks.LostError)) && ctx.Err() != nil { // a signal reached all ranks while one opened its images
			return ctx.Err()
		}
		return err
	}
	if r.times, err = r.openTimes(); err != nil {
		t.Free()
		return errors.Join(err, r.metrics.close())
	}
	err = r.loop(ctx)
	var bad *train.NonFiniteError
	if errors.As(err, &bad) {
		err = r.halt(bad)
	}
	err = errors.Join(err, r.metrics.close(), r.times.close())
	if err != nil && !errors.Is(err, ErrStopped) {
		t.Free()
	}
	return err
}

// checkPaths returns an error for a path that neither TOML nor JSON can hold.
func (r *Run) checkPaths() error {
	paths := map[string]string{"data": r.Config.Data}
	maps.Copy(paths, r.Flags)
	for flag, path := range paths {
		if !utf8.ValidString(path) {
			return train.NewConfigError(fmt.Errorf("run: --%s %q: the path is not UTF-8 and cannot be recorded: rename the folder", flag, path))
		}
	}
	return nil
}

// start restores a checkpoint (nil: none) and opens the files of the run's folder.
func (r *Run) start(c *net.Checkpoint, dev *vk.Device) error {
	done := 0
	r.unmeasured = false
	if c != nil {
		if reading := kernels.InputAccess(dev); c.Meta.Kernels != reading {
			return fmt.Errorf("run: %s was trained with %s kernels and this device has %s: the results would differ: set MARR_KERNELS=%s", r.Dir, c.Meta.Kernels, reading, c.Meta.Kernels)
		}
		if err := c.Restore(r.trainer.Store); err != nil {
			return err
		}
		if c.Meta.Watch != nil {
			if err := json.Unmarshal(c.Meta.Watch, r.trainer.Watch); err != nil {
				return fmt.Errorf("run: %s: state of the collapse watch: %w", r.Dir, err)
			}
		}
		done, r.unmeasured = c.Meta.Step, c.Meta.Unmeasured
	}
	r.trainer.ContinueFrom(done)
	r.saved = done
	if err := r.invite(); err != nil {
		return err
	}
	if !r.prepared {
		if err := r.prepareFolder(); err != nil {
			return err
		}
		r.prepared = true
	}
	if r.OnStart != nil {
		r.OnStart(r.trainer)
	}
	if err := r.openMetrics(done); err != nil || !r.TensorBoard || r.Picture == nil {
		return err
	}
	picture, err := r.Picture(r.trainer)
	if err == nil {
		err = r.metrics.events.Image(done, "views", picture)
	}
	if err != nil {
		return errors.Join(err, r.metrics.close())
	}
	return nil
}

// prepareFolder writes the first files of the run's folder and reports what a user should know before the first step.
func (r *Run) prepareFolder() error {
	if err := os.MkdirAll(r.Dir, 0o777); err != nil { // only now, so that an invalid run leaves no folder
		return fmt.Errorf("run: %s: %w: choose another folder", r.Dir, err)
	}
	if r.lock == nil {
		if err := r.acquire(); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(r.Dir, ConfigFile)); err == nil {
			return fmt.Errorf("run: %s: another process has started a run in this folder: choose another folder", r.Dir)
		}
	}
	if err := errors.Join(r.Config.write(filepath.Join(r.Dir, ConfigFile), r.Origin, r.Flags), r.listSkipped()); err != nil {
		return err
	}
	if cause := r.trainer.Watch.Cause; cause != "" {
		r.Notice("%s", cause)
	}
	if n := r.trainer.SkippedClips(); n > 0 {
		r.Notice("skipped %d clips with fewer than the %d frames of a sample", n, r.trainer.Frames())
	}
	if slices.ContainsFunc(r.trainer.Specs(), func(s views.Spec) bool { return s.ZoomSequence != nil }) {
		r.Notice("the images are not clips: the frames are a zoom into each image; use --data frames:DIR for clips")
	}
	if n := r.trainer.MinBatchNormSize(); n > 0 && n < warnBatchNormSize {
		r.Notice("batch norm sees only %d images at once, too few to estimate their statistics: use --norm group, or a larger --batch%s", n, r.orSyncBN())
	}
	r.noticeIdleSettings()
	if r.fellBack {
		return nil
	}
	return r.keep() // a process that was killed may have saved the checkpoint only
}

// listSkipped writes skipped.txt if images of the set were unreadable: a path and a reason per line.
func (r *Run) listSkipped() error {
	path := filepath.Join(r.Dir, skippedFile)
	if len(r.Set.Skipped) == 0 {
		return removeFile(path)
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		out := bufio.NewWriter(w)
		for _, b := range r.Set.Skipped {
			fmt.Fprintf(out, "%s\t%s\n", b.Path, b.Reason)
		}
		return out.Flush()
	})
}
