package main

import (
	"errors"
	"fmt"
	"image"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/vk"
)

// viewedMethod returns the method of a configuration with its options; nil for the name of a preset.
func viewedMethod(fs *pflag.FlagSet, c run.Config) (ssl.Method, error) {
	if !slices.Contains(ssl.Methods(), c.Method) {
		return nil, nil
	}
	m, err := ssl.New(c.Method)
	if err == nil {
		_, err = setOptions(fs, m, func(name string) any { return c.Options[name] })
	}
	return m, err
}

// paintedSheet returns a page with the views of n images, and a line that describes it. For a run (dir) of a masked autoencoder it shows what the network draws
// in the removed patches.
func paintedSheet(dev *vk.Device, dir string, c run.Config, m ssl.Method, set *data.Set, specs []views.Spec, n int) (image.Image, string, error) {
	if _, ok := m.(ssl.Masked); ok && dir != "" {
		saved, _, err := loadCheckpoint(dir)
		if err == nil {
			return reconstructionSheet(dev, c, m, saved, set, specs, n)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, "", err
		}
		note("run %s has no checkpoint yet: the sheet shows its masked views", dir)
	}
	specs = shownViews(c, m, specs)
	rows, err := train.Paint(dev, set, specs, n, c.Seed)
	if err != nil {
		return nil, "", err
	}
	return viewSheet(rows, specs), fmt.Sprintf("%s, %s of each, seed %d", count(len(rows), "image"), count(len(specs), "view"), c.Seed), nil
}

// reconstructionSheet returns a page with what the network of a checkpoint draws in the removed patches of n images, and a line that describes it.
func reconstructionSheet(dev *vk.Device, c run.Config, m ssl.Method, saved *net.Checkpoint, set *data.Set, specs []views.Spec, n int) (image.Image, string, error) {
	set = withChannels(set, saved.Meta.Channels)
	j := train.Job{Method: m, Set: set, Views: specs, Mean: saved.Meta.Mean, Std: saved.Meta.Std, Start: saved.Restore}
	rows, err := train.Reconstruct(dev, c.Config, j, n)
	if err != nil {
		return nil, "", err
	}
	about := fmt.Sprintf("%s, each with its visible patches and what the network of step %d draws in the others, seed %d", count(len(rows), "image"), saved.Meta.Step, c.Seed)
	return viewSheet(rows, slices.Repeat(specs, 3), "view", "visible patches", "reconstruction"), about, nil
}

// shownViews returns the views of a method with the masks that hide parts of them from the network of c, if the method has any.
func shownViews(c run.Config, m ssl.Method, specs []views.Spec) []views.Spec {
	masked, ok := m.(ssl.Masked)
	network, err := c.Network(3) // any number of channels
	if !ok || err != nil {
		return specs
	}
	network.Arch.Resolve(c.Size)
	side, ok := net.PatchSize(network.Arch)
	if !ok {
		return specs
	}
	return masked.Shown(specs, side)
}
