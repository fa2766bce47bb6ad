package ssl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
	"marr/ssl/views"
	"marr/ssl/watch"
	"marr/vk"
)

// The files of a run folder.
const (
	configFile     = "config.toml"
	CheckpointFile = "checkpoint.ckpt"
	MetricsFile    = "metrics.jsonl"
	skippedFile    = "skipped.txt"
)

// fewSamples is below how many samples at once a batch norm is warned of: from 32 to 16 and 8 the error of networks with batch norm rises steeply (Wu
// and He 2018, arXiv:1803.08494, figure 1).
const fewSamples = 32

// ErrStopped says that a run was asked to stop; everything is saved and --resume goes on.
var ErrStopped = errors.New("stopped")

// Progress is what a run tells while it goes on.
type Progress struct {
	Report
	Steps, Epochs   int
	ImagesPerSecond float64       // over the last few steps
	Left            time.Duration // estimate
}

// Run is a pre-training run in a folder: config.toml, checkpoint.ckpt (and the one before), metrics.jsonl, and skipped.txt where images of the set
// could not be read.
type Run struct {
	Dir    string
	Resume bool
	Config Config
	Origin map[string]string // by config key: who chose it ("flag"); what is not named is a default
	Method Method
	// StopOnCollapse ends the run where its representation collapses, in place of a notice.
	StopOnCollapse bool
	Views          string // recipe in TOML that is laid over the method's own (views.Decode); "": as it is
	Set            *data.Set
	Tuner          *kernels.Tuner // picks kernels for what a checkpoint does not pin; nil: the static rule does
	Started        func(*Trainer) // before the first step; may be nil
	Tell           func(Progress) // may be nil
	// AfterEpoch, when not nil, may measure the backbone after each epoch; what it returns becomes a line of metrics.jsonl beside step and
	// epoch, nil none. It must leave the Store as it is. Its error goes to Notice and not further: no measurement is worth a run.
	AfterEpoch func(*Trainer) (map[string]any, error)
	Notice     func(format string, args ...any) // may be nil

	data    string // fingerprint of Set
	saved   int    // step of the last checkpoint
	trainer *Trainer
	metrics *os.File
	lines   *bufio.Writer
}

// Pretrain trains to the end, or until ctx is done: then it saves and returns ErrStopped. The caller frees the Trainer, which is returned
// also with ErrStopped.
func (r *Run) Pretrain(ctx context.Context, dev *vk.Device) (*Trainer, error) {
	r.Config.Resolve(r.Set)
	if err := r.Config.Check(r.Set); err != nil {
		return nil, err
	}
	if err := r.Config.SetViews(r.Views, r.Method, r.Set); err != nil {
		return nil, err
	}
	r.data = r.Set.Fingerprint()
	found, err := r.open()
	if err != nil {
		return nil, err
	}
	st := kernels.NewStore(dev)
	st.Tune(r.Tuner)
	if found != nil {
		st.Pin(found.Meta.Variants)
	}
	t, err := NewTrainer(st, r.Config, r.Method, r.Set)
	if err != nil {
		return nil, err
	}
	r.trainer, t.health = t, &watch.Watch{}
	if err := r.start(found, dev); err != nil {
		t.Free()
		return nil, err
	}
	err = r.loop(ctx)
	var bad *NonFiniteError
	if errors.As(err, &bad) {
		err = r.halt(bad)
	}
	err = errors.Join(err, r.lines.Flush(), r.metrics.Close())
	if err != nil && !errors.Is(err, ErrStopped) {
		t.Free()
		return nil, err
	}
	return t, err
}

// open looks at the folder: a run that is there must be asked for, and be the same run.
func (r *Run) open() (*net.Checkpoint, error) {
	path := filepath.Join(r.Dir, CheckpointFile)
	_, err := os.Stat(filepath.Join(r.Dir, configFile))
	if !r.Resume {
		if err == nil {
			return nil, fmt.Errorf("ssl: run %s: the folder holds a run already: add --resume to go on with it, or choose another folder", r.Dir)
		}
		return nil, nil
	}
	c, note, err := net.LoadNewest(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing saved yet: from step 0
	}
	if err != nil {
		return nil, err
	}
	if note != "" && r.Notice != nil {
		r.Notice("%s", note)
	}
	if diff := r.differs(c); diff != "" {
		return nil, fmt.Errorf("ssl: run %s: cannot resume: %s: use the same settings and images, or another folder", r.Dir, diff)
	}
	return c, nil
}

// differs says what a checkpoint was made with that this run is not; "" if nothing.
func (r *Run) differs(c *net.Checkpoint) string {
	was := DefaultConfig() // of keys that the run is older than
	if err := json.Unmarshal(c.Meta.Config, &was); err != nil {
		return "its configuration cannot be read: " + err.Error()
	}
	was.Resolve(r.Set)
	was.Views = views.Canonical(was.Views)
	old := map[string]string{}
	for _, x := range was.table() {
		old[x.key] = x.value
	}
	_, halted := os.Stat(filepath.Join(r.Dir, haltedFile))
	for _, x := range r.Config.table() {
		then, known := old[x.key]
		if x.key == "views" || then == x.value || halted == nil && slices.Contains(eased, x.key) {
			continue
		}
		if !known {
			return fmt.Sprintf("it was started before there was a setting %s", x.key)
		}
		return fmt.Sprintf("it was started with %s = %v, this is %v", x.key, then, x.value)
	}
	switch {
	case c.Meta.Data != r.data:
		return "the images of " + r.Set.Name + " have changed"
	case was.Views != r.Config.Views: // which may follow from the images
		return "it was started with other views (" + configFile + " has them)"
	}
	return ""
}

func (r *Run) start(c *net.Checkpoint, dev *vk.Device) error {
	done := 0
	if c != nil {
		if reading := kernels.Reading(dev); c.Meta.Kernels != reading {
			return fmt.Errorf("ssl: run %s was trained with %s kernels and this device has %s: the bits would differ: set MARR_KERNELS=%s", r.Dir, c.Meta.Kernels, reading, c.Meta.Kernels)
		}
		if err := c.Restore(r.trainer.Store); err != nil {
			return err
		}
		if c.Meta.Watch != nil {
			if err := json.Unmarshal(c.Meta.Watch, r.trainer.health); err != nil {
				return fmt.Errorf("ssl: run %s: what the collapse watch saw: %w", r.Dir, err)
			}
		}
		done = c.Meta.Step
	}
	r.trainer.goOn(done)
	r.saved = done
	if err := os.MkdirAll(r.Dir, 0o777); err != nil { // only now: a run that is refused leaves nothing behind
		return fmt.Errorf("ssl: run %s: %w: choose another folder", r.Dir, err)
	}
	if err := errors.Join(r.Config.write(filepath.Join(r.Dir, configFile), r.Origin), r.listSkipped()); err != nil {
		return err
	}
	if short := len(r.Set.Clips) - len(r.trainer.batch.clips); r.trainer.batch.frames > 1 && short > 0 && r.Notice != nil {
		r.Notice("left out %d clips with fewer than the %d frames of a sample", short, r.trainer.batch.frames)
	}
	if r.Notice != nil && slices.ContainsFunc(r.trainer.batch.specs, func(s views.Spec) bool { return s.ZoomSequence != nil }) {
		r.Notice("frames are made of single images, as of a camera that comes closer: frames:DIR gives clips")
	}
	if n := r.trainer.fewest; n > 0 && n < fewSamples && r.Notice != nil {
		r.Notice("batch norm sees only %d images at once, too few to stand for all: use --bn group, or a larger --batch", n)
	}
	if r.Started != nil {
		r.Started(r.trainer)
	}
	return r.openMetrics(done)
}

// listSkipped writes what could not be read of the set, a path and a reason a line, where there is any.
func (r *Run) listSkipped() error {
	path := filepath.Join(r.Dir, skippedFile)
	if len(r.Set.Skipped) == 0 {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		out := bufio.NewWriter(w)
		for _, b := range r.Set.Skipped {
			fmt.Fprintf(out, "%s\t%s\n", b.Path, b.Reason)
		}
		return out.Flush()
	})
}

// openMetrics opens metrics.jsonl for lines after step `done`, cutting off what a run that died wrote beyond it.
func (r *Run) openMetrics(done int) error {
	f, err := os.OpenFile(filepath.Join(r.Dir, MetricsFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	in, keep := bufio.NewReader(f), int64(0)
	for {
		line, err := in.ReadBytes('\n')
		var m struct{ Step int }
		if err != nil || json.Unmarshal(line, &m) != nil || m.Step > done {
			break
		}
		keep += int64(len(line))
	}
	if err := f.Truncate(keep); err != nil {
		return errors.Join(err, f.Close())
	}
	if _, err := f.Seek(keep, io.SeekStart); err != nil {
		return errors.Join(err, f.Close())
	}
	r.metrics, r.lines = f, bufio.NewWriter(f)
	return nil
}

// loop trains epoch by epoch, saving after each.
func (r *Run) loop(ctx context.Context) error {
	t := r.trainer
	pace := newPace(r.Config.Batch)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	report := func(x Report) {
		line := map[string]any{"step": x.Step, "epoch": x.Epoch, "loss": x.Loss, "lr": x.LR, "grad_norm": x.GradNorm}
		if !math.IsNaN(x.Accuracy) {
			line["accuracy"] = x.Accuracy
		}
		if x.seen != nil {
			x.seen.note(line)
		}
		if failed = errors.Join(failed, r.note(line), r.alarmed(x.Alarm)); failed != nil {
			stop()
		}
		if r.Tell != nil {
			speed := pace.step()
			p := Progress{Report: x, Steps: t.Steps(), Epochs: r.Config.Epochs, ImagesPerSecond: speed}
			p.Left = time.Duration(float64(p.Steps-x.Step) * float64(r.Config.Batch) / speed * float64(time.Second))
			r.Tell(p)
		}
	}
	for t.Step() < t.Steps() {
		next := min((t.Step()/t.PerEpoch()+1)*t.PerEpoch(), t.Steps())
		if err := errors.Join(t.Train(ctx, next, report), failed); err != nil {
			return err
		}
		if t.Step() == next { // not stopped on the way
			if err := r.afterEpoch(); err != nil {
				return err
			}
		}
		if err := r.save(); err != nil {
			return err
		}
		if ctx.Err() != nil && t.Step() < t.Steps() {
			return ErrStopped
		}
	}
	return nil
}

// CollapseError ends a run that was to stop where its representation collapses; the checkpoint before it stays.
type CollapseError struct{ watch.Alarm }

func (e *CollapseError) Error() string { return fmt.Sprintf("ssl: step %d: %s", e.Step, e.Message) }

// alarmed tells of an alarm, and ends the run where that was asked for.
func (r *Run) alarmed(a *watch.Alarm) error {
	switch {
	case a == nil:
		return nil
	case r.StopOnCollapse && a.IsCollapse():
		return &CollapseError{*a}
	case r.Notice != nil:
		r.Notice("step %d: %s", a.Step, a.Message)
	}
	return nil
}

// note writes a line of metrics.jsonl.
func (r *Run) note(values map[string]any) error {
	line, err := json.Marshal(values)
	if err == nil {
		_, err = r.lines.Write(append(line, '\n'))
	}
	return err
}

// afterEpoch measures at the end of an epoch, before it is saved: a resumed run finds the line exactly when it does not measure again.
func (r *Run) afterEpoch() error {
	t := r.trainer
	if r.AfterEpoch == nil {
		return nil
	}
	values, err := r.AfterEpoch(t)
	if err != nil && r.Notice != nil {
		r.Notice("epoch %d was not measured: %v", t.Step()/t.PerEpoch(), err)
	}
	if err != nil || values == nil {
		return nil
	}
	line := map[string]any{"step": t.Step(), "epoch": t.Step() / t.PerEpoch()}
	maps.Copy(line, values)
	return r.note(line)
}

func (r *Run) save() error {
	if err := errors.Join(r.lines.Flush(), r.metrics.Sync(), r.checkpoint(filepath.Join(r.Dir, CheckpointFile))); err != nil {
		return err
	}
	r.saved = r.trainer.Step()
	if err := os.Remove(filepath.Join(r.Dir, haltedFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// checkpoint saves the run as it is.
func (r *Run) checkpoint(path string) error {
	t := r.trainer
	config, err := json.Marshal(r.Config)
	if err != nil {
		return err
	}
	seen, err := json.Marshal(t.health)
	if err != nil {
		return err
	}
	return net.SaveCheckpoint(path, t.Store, net.Meta{
		Step: t.Step(), Epoch: t.Step() / t.PerEpoch(), Config: config, Data: r.data, Kernels: kernels.Reading(t.dev), Variants: t.prog.Variants(),
		Mean: t.mean, Std: t.std, Channels: r.Set.C, Watch: seen, Branch: t.loss.product})
}

// pace measures images a second over the last steps.
type pace struct {
	batch int
	times []time.Time
}

func newPace(batch int) *pace { return &pace{batch, []time.Time{time.Now()}} }

func (p *pace) step() float64 {
	p.times = append(p.times, time.Now())
	if len(p.times) > 11 {
		p.times = p.times[1:]
	}
	seconds := p.times[len(p.times)-1].Sub(p.times[0]).Seconds()
	return float64(p.batch*(len(p.times)-1)) / max(seconds, 1e-9)
}
