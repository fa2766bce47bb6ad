package main

import (
	"context"
	"errors"
	"fmt"
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
	fs.StringVar(&c.Data, "data", "", "images `D` to train on: a folder, a list, an archive, a data-set file, or "+strings.Join(data.Builtins(), ", "))
	out := fs.String("out", "", "`DIR` of the run")
	resume := fs.Bool("resume", false, "continue the run in --out, with the same settings")
	fs.StringVar(&c.Method, "method", "", "`NAME` of the method; list: all of them; default: chosen by the size and number of the images")
	named := fs.String("recipe", "", "`NAME` of a recipe, or a FILE.toml: settings that flags override; list: all of them")
	networkFlags(fs, &c.Config, "")
	trainFlags(fs, &c.Config)
	recipe := fs.String("views", "", "`FILE`.toml with changes to the method's views; marr views --print writes them, marr views --out paints them")
	measured := qualityFlags(fs)
	onCollapse := fs.String("on-collapse", "warn", "warn or stop when embeddings become constant or lose rank, or when a teacher becomes uniform or dominated by one prototype")
	device, tune := deviceFlag(fs), tuneFlag(fs)
	methodFlags(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		if c.Method == "list" {
			return listMethods()
		}
		if *named == "list" {
			return listRecipes()
		}
		p := &plan{fs: fs}
		if *named != "" {
			if err := p.named(*named, &c); err != nil {
				return err
			}
		}
		if *onCollapse != "warn" && *onCollapse != "stop" {
			return usagef("--on-collapse %s: want warn or stop", *onCollapse)
		}
		if c.Data == "" || *out == "" {
			return usagef("pretrain: --data and --out are required: name the images and the folder of the run")
		}
		if err := measured.check(); err != nil {
			return err
		}
		if err := p.rate(c.LR); err != nil {
			return err
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
		text, err := p.views(*recipe)
		if err == nil && text != "" {
			err = sizeOfViews(&c, text)
		}
		if err != nil {
			return err
		}
		set, err := openSet(ctx, c.Data, c.Size)
		if err != nil {
			return err
		}
		defer set.Close()
		if automatic {
			p.choose(&c, set)
			if m, err = setMethod(p, &c); err != nil {
				return usageError{fmt.Errorf("%w, which was chosen automatically: choose a --method", err)}
			}
		}
		size(&c, set)
		dev, err := openDevice(*device)
		if err != nil {
			return err
		}
		defer dev.Close()
		tuner, err := newTuner(dev, *tune)
		if err != nil {
			return err
		}
		r := &run.Run{Dir: *out, Tuner: tuner, Resume: *resume, Config: c, Origin: p.origins(), Method: m, Views: text, Set: set, StopOnCollapse: *onCollapse == "stop"}
		q, err := newQuality(ctx, dev, *measured, *out, set, c.Size)
		if err != nil {
			return err
		}
		return pretrain(ctx, dev, r, q)
	}
}

// pretrain trains r with a live line of progress and measures it by q, unless that is nil.
func pretrain(ctx context.Context, dev *vk.Device, r *run.Run, q *quality) error {
	l := newLive()
	r.OnStep, r.Notice = l.progress, func(format string, args ...any) {
		l.end()
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
	if q != nil {
		defer q.free()
		r.AfterEpoch, q.say = q.afterEpoch, func(line string) {
			l.end()
			fmt.Println(line)
		}
	}
	r.OnStart = func(t *train.Trainer) {
		if err := dev.SaveCache(); err != nil { // now: the run may be killed
			r.Notice("marr: %v", err)
		}
		from := ""
		if t.Step() > 0 {
			from = fmt.Sprintf(", from step %d", t.Step())
		}
		fmt.Printf("%s on %s: %d images, views of %d px in %s, %d epochs of %d steps%s%s\n", r.Config.Method, dev.Info().Name, r.Set.Len(),
			r.Config.Size, [...]string{1: "gray", 3: "color"}[r.Set.C], r.Config.Epochs, t.PerEpoch(), from, inParts(t))
		fmt.Println(r.Config.Description())
		for _, advice := range r.Config.Advice(r.Method, r.Set) {
			r.Notice("note: %s", advice)
		}
		if q != nil {
			q.started(t)
		}
	}
	t, err := r.Pretrain(ctx, dev)
	l.end()
	if t != nil {
		defer t.Free()
	}
	if errors.Is(err, run.ErrStopped) {
		return fmt.Errorf("%w at step %d of %d: saved in %s: continue with the same command and --resume", err, t.Step(), t.Steps(), r.Dir)
	}
	if err == nil && q != nil {
		q.ended()
	}
	if err == nil {
		fmt.Printf("done: %d steps, saved in %s\n", t.Steps(), r.Dir)
	}
	return err
}

// inParts describes a batch that is computed in parts; "" for one that is not.
func inParts(t *train.Trainer) string {
	switch k := t.Config.Accumulate; {
	case t.HasGradientCache():
		return fmt.Sprintf("; each step in %d parts with a gradient cache: the contrast is over all %d images", k, t.Config.Batch)
	case k > 1:
		return fmt.Sprintf("; each step in %d parts", k)
	}
	return ""
}

// listMethods prints every method: its paper, what it learns, and its flags with their defaults.
func listMethods() error {
	for _, name := range ssl.Methods() {
		m, err := ssl.New(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s\n", name, ssl.About(name))
		for _, o := range registry.Options(m) {
			fmt.Printf("    --%-18s %v  %s\n", o.Name, o.Get(), o.Help)
		}
	}
	return nil
}
