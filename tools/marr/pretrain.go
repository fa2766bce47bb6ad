package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"marr/net"
	"marr/ssl"
	"marr/ssl/data"
	"marr/vk"
)

func pretrainCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	c := ssl.DefaultConfig()
	fs.StringVar(&c.Data, "data", "", "images `D` to learn from: a folder, a list, an archive, a data-set file, or "+strings.Join(data.Builtins(), ", "))
	out := fs.String("out", "", "`DIR` to keep the run in")
	resume := fs.Bool("resume", false, "go on with the run in --out, with the same settings")
	fs.StringVar(&c.Method, "method", "", "how to learn; list: what there is; default: what suits the images, by their size and number")
	named := fs.String("recipe", "", "`NAME` of a recipe, or a FILE.toml: settings that flags override; list: what there is")
	configFlags(fs, &c)
	recipe := fs.String("views", "", "`FILE`.toml with changes to the method's views; marr views --print shows those, marr views --out paints them")
	measured := qualityFlags(fs)
	onCollapse := fs.String("on-collapse", "warn", "warn or stop, where the embeddings become constant, lose rank, or a teacher's probabilities become uniform or one prototype's")
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
			return usagef("pretrain: --data and --out are needed: say which images and where to keep the run")
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
		m, err := configure(p, &c)
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
			if m, err = configure(p, &c); err != nil {
				return usageError{fmt.Errorf("%w, which was picked: say the --method", err)}
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
		r := &ssl.Run{Dir: *out, Tuner: tuner, Resume: *resume, Config: c, Origin: p.origins(), Method: m, Views: text, Set: set, StopOnCollapse: *onCollapse == "stop"}
		q, err := newQuality(ctx, dev, *measured, *out, set, c.Size)
		if err != nil {
			return err
		}
		return pretrain(ctx, dev, r, q)
	}
}

// configFlags declares the settings of a run that are not the method's own.
func configFlags(fs *pflag.FlagSet, c *ssl.Config) {
	fs.StringVar(&c.Arch, "arch", c.Arch, strings.Join(net.Archs, ", "))
	fs.StringVar(&c.Stem, "stem", "", strings.Join(net.Stems, ", ")+"; default: strided for resnet10, else cifar up to 64 px and imagenet above")
	fs.IntVar(&c.Width, "width", c.Width, "channels of the first stage")
	fs.StringVar(&c.BN, "bn", "on", "batch norm, or what stands in its place: "+strings.Join(net.Norms, ", "))
	fs.StringVar(&c.HeadBN, "head-bn", "", "likewise in projectors, predictors and arrangement heads; default: as --bn")
	fs.IntVar(&c.Size, "size", 0, "side of a view in `pixels`; default: that of the recipe, else the set's own (built-in, CIFAR, STL-10, IDX), else 32")
	fs.IntVar(&c.Epochs, "epochs", c.Epochs, "passes over the images")
	fs.IntVar(&c.Batch, "batch", c.Batch, "images a step")
	fs.IntVar(&c.Accumulate, "accumulate", c.Accumulate, "parts that a batch is computed in, to save memory; batch norm sees a part at a time, simclr still contrasts the whole batch (each part is embedded twice)")
	fs.StringVar(&c.Optimizer, "optimizer", c.Optimizer, strings.Join(net.Optimizers(), ", "))
	fs.Float64Var(&c.BaseLR, "base-lr", c.BaseLR, "peak learning rate at a batch of 256: it grows with the batch")
	fs.Float64Var(&c.LR, "lr", c.LR, "peak learning rate itself, whatever the batch; default: --base-lr × batch/256")
	fs.StringVar(&c.Schedule, "schedule", c.Schedule, "of the rate behind the warm-up: "+strings.Join(net.Rates, ", ")+" (step: a tenth from 60 % of the steps on, a hundredth from 80 %)")
	fs.Float64Var(&c.Decay, "weight-decay", c.Decay, "weight decay; biases and norms have none")
	fs.Float64Var(&c.DecayEnd, "weight-decay-end", c.DecayEnd, "what the decay leads to along a cosine (DINO: from 0.04 to 0.4); -1: it stays")
	fs.Float64Var(&c.Clip, "clip", c.Clip, "largest `norm` of all gradients together: longer ones are scaled down; 0: none are")
	fs.Float64Var(&c.ClipEach, "clip-each", c.ClipEach, "largest `norm` of each parameter's gradient (DINO: 3); 0: any")
	fs.Float64Var(&c.Warmup, "warmup", c.Warmup, "share of the steps over which the rate rises, before --schedule")
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "of everything random")
}

// pretrain runs r with a live line, measures it by q (nil: not) and says how to go on when it is stopped.
func pretrain(ctx context.Context, dev *vk.Device, r *ssl.Run, q *quality) error {
	l := newLive()
	r.Tell, r.Notice = l.progress, func(format string, args ...any) {
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
	r.Started = func(t *ssl.Trainer) {
		if err := dev.SaveCache(); err != nil { // now, since a run may be killed
			r.Notice("marr: %v", err)
		}
		from := ""
		if t.Step() > 0 {
			from = fmt.Sprintf(", from step %d on", t.Step())
		}
		fmt.Printf("%s on %s: %d images, views of %d px in %s, %d epochs of %d steps%s%s\n", r.Config.Method, dev.Info().Name, r.Set.Len(),
			r.Config.Size, [...]string{1: "gray", 3: "colour"}[r.Set.C], r.Config.Epochs, t.PerEpoch(), from, inParts(t))
		fmt.Println(r.Config.Rate())
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
	if errors.Is(err, ssl.ErrStopped) {
		return fmt.Errorf("%w at step %d of %d: saved in %s: go on with the same command and --resume", err, t.Step(), t.Steps(), r.Dir)
	}
	if err == nil && q != nil {
		q.ended()
	}
	if err == nil {
		fmt.Printf("done: %d steps, saved in %s\n", t.Steps(), r.Dir)
	}
	return err
}

// inParts says how a batch is computed in parts, where it is.
func inParts(t *ssl.Trainer) string {
	switch k := t.Config.Accumulate; {
	case t.Caches():
		return fmt.Sprintf("; a step in %d parts, with a gradient cache: the contrast is over all %d images", k, t.Config.Batch)
	case k > 1:
		return fmt.Sprintf("; a step in %d parts", k)
	}
	return ""
}

// methodFlags declares the hyper-parameters of every method; a name that several share is declared once.
func methodFlags(fs *pflag.FlagSet) {
	for _, name := range ssl.Methods() {
		m, err := ssl.New(name)
		if err != nil {
			panic(err) // Methods lists only what New makes
		}
		for _, o := range ssl.Options(m) {
			if fs.Lookup(o.Name) != nil {
				continue
			}
			if on, ok := o.Get().(bool); ok {
				fs.Bool(o.Name, on, name+": "+o.Help)
			} else {
				fs.String(o.Name, "", name+": "+o.Help+fmt.Sprintf("; default %v", o.Get()))
			}
		}
	}
}

// listMethods prints every method: paper and what it learns, its flags with their defaults.
func listMethods() error {
	for _, name := range ssl.Methods() {
		m, err := ssl.New(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s\n", name, ssl.About(name))
		for _, o := range ssl.Options(m) {
			fmt.Printf("    --%-18s %v  %s\n", o.Name, o.Get(), o.Help)
		}
	}
	return nil
}

// configure makes the method with what flags and plan say and records its hyper-parameters.
func configure(p *plan, c *ssl.Config) (ssl.Method, error) {
	fs := p.fs
	m, err := ssl.New(c.Method)
	if err != nil {
		return nil, err
	}
	own := []string{}
	c.Options = map[string]any{}
	for _, o := range ssl.Options(m) {
		own = append(own, o.Name)
		if fs.Changed(o.Name) {
			if err := o.Set(fs.Lookup(o.Name).Value.String()); err != nil {
				return nil, err
			}
		} else if v := p.option(o.Name); v != nil {
			if err := o.Set(fmt.Sprint(v)); err != nil {
				return nil, err
			}
		}
		c.Options[o.Name] = o.Get()
	}
	for _, other := range ssl.Methods() {
		o, err := ssl.New(other)
		if err != nil {
			return nil, err
		}
		for _, x := range ssl.Options(o) {
			if fs.Changed(x.Name) && !slices.Contains(own, x.Name) {
				return nil, fmt.Errorf("--%s: no setting of %s: it has %s", x.Name, c.Method, strings.Join(own, ", "))
			}
		}
	}
	return m, nil
}
