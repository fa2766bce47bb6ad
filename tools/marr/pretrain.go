package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/run"
	"marr/ssl/train"
	"marr/vk"
)

func pretrainCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	c := run.DefaultConfig()
	end := inGroup(fs, dataGroup)
	fs.StringVar(&c.Data, "data", "", "images `D` to train on: a folder, a list, an archive, a data-set file, or "+strings.Join(data.Builtins(), ", "))
	viewsFile := fs.String("views", "", "`FILE`.toml that changes the method's views; marr views --print writes such a file, marr views --out paints it")
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "", "`DIR` for the run")
	resume := fs.Bool("resume", false, "continue the run in --out with its settings; flags must agree with them, and --data may name another path of the same images")
	saving := saveFlags(fs)
	end()
	end = inGroup(fs, methodGroup)
	fs.StringVar(&c.Method, "method", "", "`NAME` of the method, or list to print all methods with the settings that they get for --data")
	choices(fs, "method", append(ssl.Methods(), "list"))
	recipe := fs.String("recipe", "", "`NAME` of a recipe or a FILE.toml with settings, or list to print all recipes; flags override its settings")
	examples(fs, "recipe", append(run.Recipes(), "list"))
	end()
	networkFlags(fs, &c.Config, "")
	init := initFlag(fs)
	trainFlags(fs, &c.Config)
	end = inGroup(fs, optimizationGroup)
	limit := fs.Duration("time", 0, "`TIME` that the run may take, such as 90m or 12h, in place of --epochs: whole schedules that end in it; default: 40m on a CPU, else 12h")
	end()
	end = inGroup(fs, outputGroup)
	dryRun := fs.Bool("dry-run", false, "print the plan and train nothing")
	end()
	measurements := qualityFlags(fs)
	end = inGroup(fs, evaluationGroup)
	onCollapse := fs.String("on-collapse", "warn", "`warn|stop` if embeddings become constant or lose rank, or when a teacher becomes uniform or dominated by one prototype")
	choices(fs, "on-collapse", []string{"warn", "stop"})
	end()
	device, tune := deviceFlag(fs), tuneFlag(fs)
	methodFlags(fs)
	planned(fs, "size", "method", "arch", "width", "epochs", "batch", "optimizer", "base-lr", "weight-decay", "clip-each")
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		if c.Method == "list" {
			return listMethods(ctx, fs, c)
		}
		if *recipe == "list" {
			return listRecipes()
		}
		p := &planner{settings: newSettings(fs), config: &c, limit: *limit, why: map[string]string{}}
		if *resume && *out != "" {
			if err := p.continueRun(*out, &c); err != nil {
				return err
			}
		}
		if *recipe != "" {
			if err := p.applyRecipe(*recipe, &c); err != nil {
				return err
			}
		}
		if c.Data == "" || *out == "" && !*dryRun {
			return usagef("pretrain: --data and --out are required: name the images and the folder of the run")
		}
		if err := cmp.Or(measurements.check(), saving.check(), p.checkRate(c.LR), p.checkLimit()); err != nil {
			return err
		}
		var err error
		if p.from, err = openInitial(fs, *init, "", *out, *resume); err != nil {
			return err
		}
		if p.from != nil {
			if err := p.from.apply(fs, &c); err != nil {
				return err
			}
		}
		if err := setBackbone(fs, &c.Config); err != nil {
			return usageError{err}
		}
		if p.fixed("method") {
			if err := p.setMethod(); err != nil {
				return err
			}
		}
		if p.text, err = p.views(*viewsFile); err == nil && p.text != "" && !p.resumed { // the size of a saved run is known
			err = setViewSize(&c, p.text)
		}
		if err == nil && p.method != nil && c.Size != 0 && !p.resumed { // now, because decoding the images takes time
			err = c.CheckSize(p.text, p.method)
		}
		if err != nil {
			return err
		}
		if p.dev, err = openDevice(*device); err != nil {
			return err
		}
		defer p.dev.Close()
		if p.tuner, err = newTuner(p.dev, *tune); err != nil {
			return err
		}
		set, err := p.plan(ctx)
		if err != nil {
			return err
		}
		defer set.Close()
		if *dryRun {
			return nil
		}
		r := &run.Run{Dir: *out, Tuner: p.tuner, Resume: *resume, Config: c, Origin: p.origins(), Flags: p.kept(), Method: p.method, Views: p.text, Set: set,
			StopOnCollapse: *onCollapse == "stop", SaveEvery: saving.saveEvery, KeepEvery: saving.keepEvery, TensorBoard: saving.tensorBoard}
		if p.from != nil {
			p.from.set(r)
		}
		q, err := newQuality(ctx, p.dev, *measurements, *out, set, c.Size)
		if err != nil {
			return err
		}
		_, err = pretrain(ctx, p.dev, r, q)
		return err
	}
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
		printLine(os.Stderr, format, args...)
	}
	if q != nil {
		defer q.free()
		r.AfterEpoch, q.print = q.afterEpoch, func(line string) {
			l.end()
			printLine(os.Stdout, "%s", line)
		}
	}
	r.OnStart = func(t *train.Trainer) {
		if err := dev.SaveCache(); err != nil { // now, because the run may be killed
			r.Notice("marr: %v", err)
		}
		from := ""
		if steps = -t.Step(); t.Step() > 0 {
			from = fmt.Sprintf(", from step %d", t.Step())
		}
		fmt.Printf("%s on %s: %s, views of %d px in %s, %s of %s%s%s\n", r.Config.Method, dev.Info().Name, count(r.Set.Len(), "image"),
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
		rows, err := train.Paint(dev, r.Set, t.Specs(), pictureImages, r.Config.Seed)
		if err != nil {
			return nil, err
		}
		return viewSheet(rows, t.Specs()), nil
	}
	t, err = r.Pretrain(ctx, dev)
	l.end()
	if t != nil {
		steps += t.Step()
	}
	if errors.Is(err, run.ErrStopped) {
		return t, steps, fmt.Errorf("%w at step %d of %d: saved in %s: continue with the same command and --resume", err, t.Step(), t.Steps(), r.Dir)
	}
	if err == nil && q != nil {
		q.onEnd()
	}
	if err == nil {
		printLine(os.Stdout, "done: %d steps, saved in %s", t.Steps(), r.Dir)
	}
	return t, steps, err
}

// inParts describes a batch that is computed in parts; "" if it is not.
func inParts(t *train.Trainer) string {
	switch k := t.Config.Accumulate; {
	case t.HasGradientCache():
		return fmt.Sprintf("; each batch in %d parts with a gradient cache, contrasting all %d images", k, t.Config.Batch)
	case k > 1:
		return fmt.Sprintf("; each batch in %d parts", k)
	}
	return ""
}
