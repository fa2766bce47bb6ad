package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
)

// backboneFlags declares the flags of a backbone, without its normalization. Their help starts with prefix.
func backboneFlags(fs *pflag.FlagSet, c *train.Config, prefix string) {
	defer inGroup(fs, networkGroup)()
	fs.StringVar(&c.Arch, "arch", c.Arch, prefix+"architecture: "+strings.Join(net.Architectures(), ", "))
	choices(fs, "arch", net.Architectures())
	for _, name := range net.Architectures() {
		a, err := net.NewArchitecture(name)
		if err != nil {
			panic(err) // NewArchitecture accepts every name that Architectures lists
		}
		optionFlags(fs, "arch", prefix, registry.Options(a))
	}
}

// networkFlags declares the flags of a backbone and its normalization. Their help starts with prefix.
func networkFlags(fs *pflag.FlagSet, c *train.Config, prefix string) {
	defer inGroup(fs, networkGroup)()
	backboneFlags(fs, c, prefix)
	c.Norm = net.Norms[0]
	fs.Var((*normName)(&c.Norm), "norm", prefix+"kind of normalization: "+strings.Join(net.Norms, ", "))
	choices(fs, "norm", net.Norms)
}

// optionFlags declares the options of one value of the flag kind, method or arch. Options of several values are one flag.
func optionFlags(fs *pflag.FlagSet, kind, prefix string, options []registry.Option) {
	for _, o := range options {
		if fs.Lookup(o.Name) != nil {
			continue
		}
		switch v := o.Get().(type) {
		case bool:
			fs.Bool(o.Name, v, prefix+o.Help)
		case string:
			fs.String(o.Name, v, prefix+o.Help)
		default:
			fs.Var(&number{kind: fmt.Sprintf("%T", v)}, o.Name, prefix+o.Help)
		}
		annotate(fs.Lookup(o.Name), kind, prefix)
		if known := o.Choices(); known != nil {
			choices(fs, o.Name, known)
		}
	}
}

// number is the text of a number that registry.Option.Set parses. Empty text stands for the default of the method or architecture.
type number struct{ text, kind string }

func (n *number) String() string { return n.text }
func (n *number) Type() string   { return strings.TrimRight(n.kind, "0123456789") }

// Set keeps the text of a number.
func (n *number) Set(text string) (err error) {
	if n.Type() == "int" {
		_, err = strconv.ParseInt(text, 0, 64)
	} else {
		_, err = strconv.ParseFloat(text, 64)
	}
	if err == nil {
		n.text = text
	}
	return err
}

// warmupEpochs is the value of --warmup-epochs, from which train.Config.Resolve computes the fraction of --warmup.
type warmupEpochs struct{ c *train.Config }

func (w warmupEpochs) String() string {
	if w.c == nil || w.c.WarmupEpochs == 0 && w.c.Warmup > 0 {
		return "" // not given
	}
	return strconv.FormatFloat(w.c.WarmupEpochs, 'g', -1, 64)
}
func (w warmupEpochs) Type() string { return "float" }

// Set replaces the fraction, which is 0 for 0 epochs.
func (w warmupEpochs) Set(text string) (err error) {
	w.c.Warmup = 0
	w.c.WarmupEpochs, err = strconv.ParseFloat(text, 64)
	return err
}

// headFlags declares the settings that fine-tuning lacks: its head has no norm, and its learning rate does not grow with the batch.
func headFlags(fs *pflag.FlagSet, c *train.Config) {
	end := inGroup(fs, networkGroup)
	fs.Var((*normName)(&c.HeadNorm), "head-norm", "kind of normalization in projectors, predictors and other heads; default: as --norm")
	choices(fs, "head-norm", net.Norms)
	end()
	defer inGroup(fs, optimizationGroup)()
	fs.Float64Var(&c.BaseLR, "base-lr", c.BaseLR, "peak learning rate for a batch of 256; it is scaled with the batch")
}

// trainFlags declares the settings of a run that belong neither to its method nor to its architecture.
func trainFlags(fs *pflag.FlagSet, c *train.Config) {
	end := inGroup(fs, dataGroup)
	fs.IntVar(&c.Size, "size", 0, "side of a view in `pixels`")
	end()
	defer inGroup(fs, optimizationGroup)()
	fs.IntVar(&c.Epochs, "epochs", c.Epochs, "passes over the images")
	fs.IntVar(&c.Batch, "batch", c.Batch, "images per step")
	fs.IntVar(&c.Accumulate, "accumulate", c.Accumulate, "number of parts in which a batch is computed, to save memory; batch norm sees one part at a time, "+
		"simclr still contrasts the whole batch (it computes each forward pass twice); several devices divide the parts")
	precisionFlag(fs, &c.Precision, "")
	fs.StringVar(&c.Optimizer, "optimizer", c.Optimizer, "optimizer: "+strings.Join(net.Optimizers(), ", "))
	choices(fs, "optimizer", net.Optimizers())
	fs.Float64Var(&c.LR, "lr", c.LR, "peak learning rate for any batch; default: --base-lr × batch/256")
	fs.Float64Var(&c.LREnd, "lr-end", c.LREnd, "learning rate at the end of --schedule cosine (DINO: 1e-6)")
	fs.Float64Var(&c.Beta2, "beta2", c.Beta2, "β₂ of adam and adamw, the momentum of the mean of squares (PyTorch: 0.999; MAE: 0.95)")
	fs.StringVar(&c.Schedule, "schedule", c.Schedule, "schedule of the learning rate after the warm-up: "+strings.Join(net.Schedules, ", ")+" (step: divide by 10 after 60 % and again after 80 % of the steps)")
	choices(fs, "schedule", net.Schedules)
	fs.Float64Var(&c.Decay, "weight-decay", c.Decay, "weight decay, which is not applied to biases and norms")
	fs.Float64Var(&c.DecayEnd, "weight-decay-end", c.DecayEnd, "weight decay at the end, reached along a cosine (DINO: from 0.04 to 0.4); -1: as --weight-decay")
	fs.Float64Var(&c.Clip, "clip", c.Clip, "largest `norm` of the gradient of all parameters; a longer gradient is scaled down; 0: no limit")
	fs.Float64Var(&c.ClipEach, "clip-each", c.ClipEach, "largest `norm` of each parameter's gradient (DINO: 3); 0: no limit")
	fs.Float64Var(&c.Warmup, "warmup", c.Warmup, "fraction of the steps over which the learning rate rises linearly to its peak, before --schedule")
	fs.Var(warmupEpochs{c}, "warmup-epochs", "the same as a `number` of epochs, which may have a fraction; default: --warmup × epochs")
	exclusive(fs, "warmup", "warmup-epochs", "the fraction of the steps, or the number of epochs")
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "random seed")
}

func precisionFlag(fs *pflag.FlagSet, to *string, prefix string) {
	fs.StringVar(to, "precision", train.Precisions[0], prefix+"precision of the backbone's activations: fp32, or mixed: 16-bit floats, in half the memory, with a loss scale that adapts; "+
		"weights, statistics, heads and losses stay 32-bit floats")
	choices(fs, "precision", train.Precisions)
}

// wireFlag declares the format of the gradients between devices. Its help starts with prefix.
func wireFlag(fs *pflag.FlagSet, to *string, prefix string) {
	fs.StringVar(to, "wire", ranks.FP32, prefix+"format in which several devices exchange gradients: fp32, or fp16: half the bytes, gradients rounded to 11 bits; it pays on slow links")
	choices(fs, "wire", ranks.Wires)
}

// methodFlags declares the hyper-parameters of all methods.
func methodFlags(fs *pflag.FlagSet) {
	defer inGroup(fs, methodGroup)()
	for _, name := range ssl.Methods() {
		m, err := ssl.New(name)
		if err != nil {
			panic(err) // New accepts every name that Methods lists
		}
		optionFlags(fs, "method", "", registry.Options(m))
	}
}

// setOptions sets the options of an owner from flags or else from a recipe, and returns all values by name.
func setOptions(fs *pflag.FlagSet, owner any, recipe func(name string) any) (map[string]any, error) {
	for _, o := range registry.Options(owner) {
		var err error
		if fs.Changed(o.Name) {
			err = o.Set(fs.Lookup(o.Name).Value.String())
		} else if v := recipe(o.Name); v != nil {
			err = o.Set(fmt.Sprint(v))
		}
		if err != nil {
			return nil, err
		}
	}
	return registry.Values(owner), nil
}

// refuseOthers returns an error for flags that are options of others in a registry and not of the owner.
func refuseOthers[T any](fs *pflag.FlagSet, name string, owner any, names []string, create func(string) (T, error)) error {
	var own []string
	for _, o := range registry.Options(owner) {
		own = append(own, o.Name)
	}
	for _, other := range names {
		x, err := create(other)
		if err != nil {
			return err
		}
		for _, o := range registry.Options(x) {
			if fs.Changed(o.Name) && !slices.Contains(own, o.Name) {
				return fmt.Errorf("--%s: not a setting of %s: known are %s", o.Name, name, strings.Join(own, ", "))
			}
		}
	}
	return nil
}

// setBackbone sets the settings of the architecture from flags or else from a recipe.
func setBackbone(fs *pflag.FlagSet, c *train.Config) error {
	a, err := net.NewArchitecture(c.Arch)
	if err != nil {
		return err
	}
	given := c.Backbone
	values, err := setOptions(fs, a, func(name string) any { return given[name] })
	if err != nil {
		return err
	}
	c.Backbone = map[string]any{}
	for name, v := range values {
		if v != "" && v != false { // Resolve chooses the others
			c.Backbone[name] = v
		}
	}
	return refuseOthers(fs, c.Arch, a, net.Architectures(), net.NewArchitecture)
}

// setMethod returns the method with its options from flags and the automatic settings or a recipe, and records them in the configuration.
func setMethod(p *settings, c *run.Config) (ssl.Method, error) {
	m, err := ssl.New(c.Method)
	if err != nil {
		return nil, err
	}
	if c.Options, err = setOptions(p.fs, m, p.option); err != nil {
		return nil, err
	}
	return m, refuseOthers(p.fs, c.Method, m, ssl.Methods(), ssl.New)
}
