package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// pretrainOptions are the flags of pretrain that are no settings of the run.
type pretrainOptions struct {
	recipeName, viewsFile, out, onCollapse string
	init, teacher, device, tune            *string
	resume, dryRun                         bool
	mostImages                             int           // that the run is trained on, evenly spaced; 0: all
	limit                                  time.Duration // that the run may take; 0: the default of the device
	saving                                 *saveOptions
	quality                                *qualityOptions
}

func pretrainCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	c, o := run.DefaultConfig(), &pretrainOptions{}
	o.declare(fs, &c)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return reportedByFirst(err)
		}
		if isFollower() && (c.Method == "list" || o.recipeName == "list") {
			return nil
		}
		if c.Method == "list" {
			return listMethods(ctx, fs, c)
		}
		if o.recipeName == "list" {
			return listRecipes()
		}
		return withRanks(func(comm ranks.Comm) error {
			return o.pretrain(ctx, &planner{settings: newSettings(fs), pretrainOptions: o, config: &c, why: map[string]string{}}, comm)
		})
	}
}

// pretrain plans and trains a run, or as another rank than the first of comm computes a share of it. comm is nil for a process that is alone.
func (o *pretrainOptions) pretrain(ctx context.Context, p *planner, comm ranks.Comm) error {
	first := comm == nil || comm.Rank() == 0
	prepare := p.prepare
	if !first {
		if o.dryRun {
			return nil
		}
		prepare = p.takeKept
	}
	if err := prepare(); err != nil {
		return err
	}
	devices, err := openDevicesOfRank(*o.device)
	if err != nil {
		return err
	}
	defer closeDevices(devices)
	p.dev, p.devices = devices[0], len(devices)
	if comm != nil {
		p.devices = comm.Size()
	}
	if !first {
		defer p.close()
		return o.continueWith(p.follow(ctx, comm))
	}
	if p.tuner, err = newTuner(p.dev, *o.tune); err != nil {
		return err
	}
	if err := p.plan(ctx); err != nil {
		return err
	}
	defer p.close()
	if o.dryRun {
		return nil
	}
	q, err := newQuality(ctx, p.dev, *o.quality, o.out, p.set, p.config.Size)
	if err != nil {
		return err
	}
	r := p.run()
	r.Devices, r.Ranks = devices[1:], comm
	if _, err = pretrain(ctx, p.dev, r, q); err == nil {
		printLine(os.Stdout, "next: marr finetune --run %[1]s --train D --out DIR, or marr eval or export --run %[1]s", quoted(o.out))
	}
	return o.continueWith(err)
}

// continueWith adds to an error the command that continues the run, once there is one.
func (o *pretrainOptions) continueWith(err error) error {
	if _, missing := os.Stat(filepath.Join(o.out, run.ConfigFile)); missing != nil {
		return err
	}
	return continueWith(err, "marr pretrain --resume --out "+quoted(o.out))
}

// declare declares the flags of pretrain.
func (o *pretrainOptions) declare(fs *pflag.FlagSet, c *run.Config) {
	o.declareImages(fs, c)
	end := inGroup(fs, outputGroup)
	fs.StringVar(&o.out, "out", "", "`DIR` for the run")
	fs.BoolVar(&o.resume, "resume", false, "continue the run in --out with its settings; flags must agree with them, and --data may name another path of the same images")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print the plan and train nothing")
	o.saving = saveFlags(fs)
	end()
	o.device = devicesFlag(fs)
	o.declareSettings(fs, c)
	shareFlags(fs, &c.Config)
	o.init = initFlag(fs)
	o.quality = qualityFlags(fs)
	end = inGroup(fs, evaluationGroup)
	fs.StringVar(&o.onCollapse, "on-collapse", "warn", "`warn|stop` if embeddings become constant or lose rank, or when a teacher becomes uniform or dominated by one prototype")
	choices(fs, "on-collapse", []string{"warn", "stop"})
	end()
}

// declareImages declares the flags for images and views.
func (o *pretrainOptions) declareImages(fs *pflag.FlagSet, c *run.Config) {
	defer inGroup(fs, dataGroup)()
	fs.StringVar(&c.Data, "data", "", "images `D` to train on: a folder, a list, an archive, a data-set file, or "+strings.Join(data.Builtins(), ", "))
	fs.StringVar(&o.viewsFile, "views", "", "`FILE`.toml that changes the method's views; marr views --print writes such a file, marr views --out paints it")
}

// declareSettings declares the flags for the method, the network and the optimization.
func (o *pretrainOptions) declareSettings(fs *pflag.FlagSet, c *run.Config) {
	end := inGroup(fs, methodGroup)
	fs.StringVar(&c.Method, "method", "", "`NAME` of the method, or list to print all methods with their settings for --data, --arch, --size and --epochs")
	choices(fs, "method", append(ssl.Methods(), "list"))
	fs.StringVar(&o.recipeName, "recipe", "", "`NAME` of a recipe or a FILE.toml with settings, or list to print all recipes; flags override its settings")
	examples(fs, "recipe", append(run.Recipes(), "list"))
	o.teacher = teacherFlag(fs)
	end()
	networkFlags(fs, &c.Config, "")
	headFlags(fs, &c.Config)
	trainFlags(fs, &c.Config)
	end = inGroup(fs, optimizationGroup)
	fs.DurationVar(&o.limit, "time", 0, "`TIME` that the run may take, such as 90m or 12h: it sets --epochs; default: 35m on a CPU, else 12h")
	exclusive(fs, "time", "epochs", "the time that the run may take, or its length")
	end()
	o.tune = tuneFlag(fs)
	methodFlags(fs)
	planned(fs, "size", "method", "arch", "width", "epochs", "batch", "optimizer", "lr", "base-lr", "weight-decay", "weight-decay-end", "beta2", "warmup", "clip-each", "drop-path", "freeze-patches",
		"positions", "xavier", "pool")
}

// pictureImages is the number of images whose views TensorBoard shows.
const pictureImages = 8

// pretrain trains r, prints its progress, and measures its quality by q unless that is nil. It returns the number of steps that it trained, without those
// before a resumed run was stopped.
func pretrain(ctx context.Context, dev *vk.Device, r *run.Run, q *quality) (steps int, err error) {
	t, steps, err := trainRun(ctx, dev, r, q)
	if t != nil {
		t.Free()
	}
	return steps, err
}

// trainRun is pretrain that returns the trainer, which the caller frees unless it is nil.
func trainRun(ctx context.Context, dev *vk.Device, r *run.Run, q *quality) (t *train.Trainer, steps int, err error) {
	l := newProgressLine()
	r.OnStep, r.Notice = l.progress, func(format string, args ...any) {
		l.end()
		printLine(os.Stderr, "%s", plain(fmt.Sprintf(format, args...)))
	}
	if q != nil {
		defer q.free()
		r.AfterEpoch, q.print = q.afterEpoch, func(line string) {
			l.end()
			printLine(os.Stdout, "%s", line)
		}
	}
	started := false
	r.OnStart = func(t *train.Trainer) {
		if started { // the device was lost, and Notice has told it
			if q != nil {
				q.restart(t)
			}
			return
		}
		started = true
		if err := dev.SaveCache(); err != nil { // now, because the run may be killed
			r.Notice("marr: %v", err)
		}
		from := ""
		if steps = -t.Step(); t.Step() > 0 {
			from = fmt.Sprintf(", from step %d", t.Step())
		}
		fmt.Printf("%s on %s: %s, views of %d px in %s, %s of %s%s%s\n", r.Config.Method, onDevices(dev, r.NumDevices()), count(r.Set.Len(), "image"),
			r.Config.Size, [...]string{1: "gray", 3: "color"}[r.Set.C], count(r.Config.Epochs, "epoch"), count(t.PerEpoch(), "step"), from, inParts(t))
		printLine(os.Stdout, "%s", r.Config.Description())
		for _, advice := range r.Config.Advice(r.Method, r.Set) {
			r.Notice("note: %s", advice)
		}
		if q != nil {
			q.onStart(t)
		}
	}
	r.Picture = func(t *train.Trainer) (image.Image, error) {
		shown := shownViews(r.Config, r.Method, t.Specs())
		rows, err := train.Paint(dev, r.Set, shown, pictureImages, r.Config.Seed)
		if err != nil {
			return nil, err
		}
		return viewSheet(rows, shown), nil
	}
	t, err = r.Pretrain(ctx, dev)
	l.end()
	if t != nil {
		steps += t.Step()
	}
	if errors.Is(err, run.ErrStopped) {
		return t, steps, fmt.Errorf("%w at step %d of %d: saved in %s", err, t.Step(), t.Steps(), r.Dir)
	}
	if err == nil && q != nil {
		q.onEnd()
	}
	if err == nil {
		printLine(os.Stdout, "done: %d steps, saved in %s", t.Steps(), r.Dir)
	}
	return t, steps, err
}

// continueWith adds to the error of a stopped run, or one that lost a device or a rank, the command that continues it.
func continueWith(err error, command string) error {
	if errors.Is(err, run.ErrStopped) || errors.Is(err, vk.ErrDeviceLost) || errors.As(err, new(*ranks.LostError)) {
		return fmt.Errorf("%w: continue with %s", err, command)
	}
	return err
}

// inParts describes a batch that is computed in parts; "" if it is not.
func inParts(t *train.Trainer) string {
	switch k := t.Config.Accumulate; {
	case t.HasGradientCache():
		return fmt.Sprintf("; each batch in %d parts with a gradient cache: the loss is that of all %d images", k, t.Config.Batch)
	case k > 1:
		return fmt.Sprintf("; each batch in %d parts", k)
	}
	return ""
}
