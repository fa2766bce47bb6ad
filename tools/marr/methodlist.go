package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"marr/net/registry"
	"marr/ssl"
	"marr/ssl/run"
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
		x, err := run.MethodDefaults(c, p.images, p.given)
		if err != nil {
			return usageError{err}
		}
		with := c
		x.Apply(&with, p.given)
		fmt.Printf("\n%s  %s\n    --optimizer %s --lr %g --weight-decay %g --clip-each %g\n", c.Method, ssl.About(c.Method), with.Optimizer, with.LR, with.Decay, with.ClipEach)
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
