package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/run"
)

// listMethods prints every method: its paper, its task, and the settings that it gets for the data at hand, or without --data for 10,000 images.
func listMethods(ctx context.Context, fs *pflag.FlagSet, c run.Config) error {
	p := &planner{settings: newSettings(fs), config: &c, why: map[string]string{}}
	defer p.close()
	about := c.Data
	if c.Data == "" {
		p.images, p.shortSide, about = 10_000, 128, "other images: name yours by --data"
	} else if err := p.survey(ctx); err != nil {
		return err
	}
	c.Size = cmp.Or(c.Size, min(p.shortSide, largestView))
	if err := p.apply(run.ChooseBatch(p.images, p.given)); err != nil {
		return usageError{err}
	}
	fmt.Printf("settings for %s of %d px, %s, %s in batches of %d (%s)\n", count(p.images, "image"), c.Size, c.Arch, count(c.Epochs, "epoch"), c.Batch, about)
	for _, c.Method = range ssl.Methods() {
		m, err := ssl.New(c.Method)
		if err != nil {
			return err
		}
		with := c
		chooser, chooses := m.(ssl.NetworkChooser)
		if chooses && !p.given("arch") {
			with.Arch, with.Backbone = chooser.Network()
		}
		x, err := run.MethodDefaults(with, p.images, p.given)
		if err != nil {
			return usageError{err}
		}
		x.Apply(&with, p.given)
		flags := ""
		if chooses {
			arch, settings := chooser.Network()
			flags = "--arch " + arch + " "
			maps.Copy(x.Backbone, settings)
		}
		flags += trainingFlags(with, x)
		fmt.Printf("\n%s  %s\n    %s\n", c.Method, ssl.About(c.Method), flags)
		if x.Views != "" {
			fmt.Printf("    --views with %s\n", strings.Join(strings.Fields(x.Views), " "))
		}
		for _, o := range registry.Options(m) {
			value := o.Get()
			if chosen, ok := x.Options[o.Name]; ok {
				value = chosen
			}
			fmt.Printf("    --%-26s %-6v %s\n", o.Name, value, o.Help)
		}
	}
	return nil
}

// trainingFlags returns the flags of the settings of c that x chose, except for those of the method.
func trainingFlags(c run.Config, x *run.Choice) string {
	text := fmt.Sprintf("--optimizer %s --lr %.4g --weight-decay %g", c.Optimizer, c.LR, c.Decay)
	if c.DecayEnd >= 0 {
		text += fmt.Sprintf(" --weight-decay-end %g", c.DecayEnd)
	}
	if c.Beta2 != net.DefaultBeta2 {
		text += fmt.Sprintf(" --beta2 %g", c.Beta2)
	}
	text += fmt.Sprintf(" --warmup %.4g --clip-each %g", c.Warmup, c.ClipEach)
	for _, name := range slices.Sorted(maps.Keys(x.Backbone)) {
		switch v := x.Backbone[name]; v {
		case false:
		case true:
			text += " --" + name
		default:
			text += fmt.Sprintf(" --%s %v", name, v)
		}
	}
	return text
}
