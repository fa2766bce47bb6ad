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

	"marr/net/registry"
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
	fs.StringVar(&c.Method, "method", "", "`NAME` of the method, or list to print all methods; default: chosen by the size and number of the images")
	choices(fs, "method", append(ssl.Methods(), "list"))
	recipe := fs.String("recipe", "", "`NAME` of a recipe or a FILE.toml with settings, or list to print all recipes; flags override its settings")
	examples(fs, "recipe", append(run.Recipes(), "list"))
	end()
	networkFlags(fs, &c.Config, "")
	init := initFlag(fs)
	trainFlags(fs, &c.Config)
	measurements := qualityFlags(fs)
	end = inGroup(fs, evaluationGroup)
	onCollapse := fs.String("on-collapse", "warn", "`warn|stop` if embeddings become constant or lose rank, or when a teacher becomes uniform or dominated by one prototype")
	choices(fs, "on-collapse", []string{"warn", "stop"})
	end()
	device, tune := deviceFlag(fs), tuneFlag(fs)
	methodFlags(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		if c.Method == "list" {
			return listMethods()
		}
		if *recipe == "list" {
			return listRecipes()
		}
		p := &plan{fs: fs}
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
		if c.Data == "" || *out == "" {
			return usagef("pretrain: --data and --out are required: name the images and the folder of the run")
		}
		if err := cmp.Or(measurements.check(), saving.check()); err != nil {
			return err
		}
		if err := p.checkRate(c.LR); err != nil {
			return err
		}
		from, err := openInitial(fs, *init, "", *out, *resume)
		if err != nil {
			return err
		}
		if from != nil {
			if err := from.apply(fs, &c); err != nil {
				return err
			}
		}
		automatic := c.Method == ""
		if automatic {
			c.Method = "byol" // until the images are known
		}
		if err := setBackbone(fs, &c.Config); err != nil {
			return usageError{err}
		}
		m, err := setMethod(p, &c)
		if err != nil && !automatic {
			return usageError{err}
		}
		text, err := p.views(*viewsFile)
		if err == nil && text != "" && p.saved == nil { // the size of a saved run is known
			err = setViewSize(&c, text)
		}
		if err == nil && m != nil && c.Size != 0 { // now, because decoding the images takes time
			err = c.CheckSize(text, m)
		}
		if err != nil {
			return err
		}
		set, err := openSet(ctx, c.Data, c.Size)
		if err != nil {
			if *resume && !p.given("data") && ctx.Err() == nil {
				err = fmt.Errorf("%w; if the images of the run were moved, add --data with their new path", err)
			}
			return err
		}
		defer set.Close()
		if from != nil {
			set = withChannels(set, from.channels)
		}
		if automatic {
			p.choose(&c, set)
			if m, err = setMethod(p, &c); err != nil {
				return usageError{fmt.Errorf("%w, which was chosen automatically: choose a --method", err)}
			}
		}
		setSize(&c, set)
		dev, err := openDevice(*device)
		if err != nil {
			return err
		}
		defer dev.Close()
		tuner, err := newTuner(dev, *tune)
		if err != nil {
			return err
		}
		r := &run.Run{Dir: *out, Tuner: tuner, Resume: *resume, Config: c, Origin: p.origins(), Flags: p.kept(), Method: m, Views: text, Set: set, StopOnCollapse: *onCollapse == "stop",
			SaveEvery: saving.saveEvery, KeepEvery: saving.keepEvery, TensorBoard: saving.tensorBoard}
		if from != nil {
			from.set(r)
		}
		q, err := newQuality(ctx, dev, *measurements, *out, set, c.Size)
		if err != nil {
			return err
		}
		_, err = pretrain(ctx, dev, r, q)
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

// listMethods prints every method: its paper, its task, and its flags with their defaults.
func listMethods() error {
	for _, name := range ssl.Methods() {
		m, err := ssl.New(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s\n", name, ssl.About(name))
		for _, o := range registry.Options(m) {
			fmt.Printf("    --%-26s %-6v %s\n", o.Name, o.Get(), o.Help)
		}
	}
	return nil
}
