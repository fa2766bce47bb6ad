package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/run"
)

// initial is the backbone that a run starts from. start is nil if only the run to be resumed recorded it.
type initial struct {
	subject
	init *run.Init
}

// initFlag declares --init.
func initFlag(fs *pflag.FlagSet) *string {
	defer inGroup(fs, networkGroup)()
	return fs.String("init", "", "`RUN|FILE` whose backbone the training starts from, with its architecture and normalization of images: the folder of a run, "+
		"or an .onnx or .safetensors file with the names of torchvision, timm or DINO; default: random weights")
}

// openInitial opens the run or file of --init or --run and prints what is taken from it. If the run in dir is resumed, that run's record suffices: the file may be
// gone, or the flag left out. nil: the run starts from random weights.
func openInitial(flags *pflag.FlagSet, path, branch, dir string, resume bool) (*initial, error) {
	if resume {
		_, err := os.Stat(path)
		recorded, readErr := recordedInitial(dir)
		if readErr != nil {
			return nil, readErr
		}
		if recorded != nil && (path == "" || errors.Is(err, fs.ErrNotExist)) {
			return recorded, nil
		}
	}
	if path == "" {
		return nil, nil
	}
	flag := "--init"
	if flags.Changed("run") {
		flag = "--run"
	}
	s, err := openSubject(path, branch, givenSettings(flags))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	x := &initial{subject: s}
	st, _, err := s.load(nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	sum, err := net.BackboneFingerprint(st)
	if err != nil {
		return nil, err
	}
	x.init = &run.Init{Weights: sum, Mean: s.inputs.Mean, Std: s.inputs.Std}
	return x, x.print(st)
}

// openSubject returns the backbone of a run's folder or checkpoint, or of a file.
func openSubject(path, branch string, given map[string]any) (subject, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return subject{}, fmt.Errorf("%w: give the folder of a run, or an .onnx or .safetensors file", err)
	case info.IsDir(), isCheckpoint(path):
		return runSubject(path, branch)
	}
	return fileSubject(path, given)
}

// givenSettings returns the settings of architectures that flags set.
func givenSettings(flags *pflag.FlagSet) map[string]any {
	given := map[string]any{}
	flags.Visit(func(f *pflag.Flag) {
		if f.Annotations["arch"] != nil {
			given[f.Name] = f.Value.String()
		}
	})
	return given
}

// recordedInitial returns what the config.toml of a run states about the backbone that it started from; nil: nothing.
func recordedInitial(dir string) (*initial, error) {
	c, err := run.ReadConfig(filepath.Join(dir, run.ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || c.Init == nil {
		return nil, err
	}
	return &initial{subject{name: dir, config: c, channels: len(c.Init.Mean)}, c.Init}, nil
}

// print prints what the store of the backbone took, and what was left.
func (x *initial) print(st *kernels.Store) error {
	from, taken, normalization := x.name, "its whole backbone", "of the run"
	if x.branch != "" {
		from += ", branch " + x.branch
	}
	if w := x.weights; w != nil {
		t, err := w.Restore(st)
		if err != nil {
			return err
		}
		taken, normalization = t.String(), "of its metadata"
		if !w.Exported() {
			normalization = "of torchvision's ImageNet weights"
		}
	}
	printLine(os.Stdout, "starts from %s: %s for %s; images are normalized with the mean and std %s", from, taken, x.config.Arch, normalization)
	return nil
}

// apply sets the network of a configuration, and the size of its views unless a flag does. A flag for another network is an error. Settings of the training
// come from flags, the recipe or the resumed run, else they have their defaults: those of the weights do not matter.
func (x *initial) apply(flags *pflag.FlagSet, c *run.Config) error {
	own := x.config
	switch {
	case flags.Changed("arch") && c.Arch != own.Arch:
		return usagef("--arch %s: the weights of %s are those of a %s: omit --arch", c.Arch, x.name, own.Arch)
	case flags.Changed("norm") && c.Norm != own.Norm:
		return usagef("--norm %s: the network of %s has the norm %s: omit --norm", c.Norm, x.name, own.Norm)
	}
	network, err := own.Network(x.channels)
	if err != nil {
		return err
	}
	fresh, err := net.NewArchitecture(own.Arch)
	if err != nil {
		return err
	}
	given, defaults := givenSettings(flags), registry.Values(fresh)
	for _, o := range registry.Options(network.Arch) {
		flag, isGiven := given[o.Name]
		if !o.OfTraining {
			if isGiven && fmt.Sprint(o.Get()) != flag {
				return usagef("--%s %v: the network of %s has %v: omit --%s", o.Name, flag, x.name, o.Get(), o.Name)
			}
			continue
		}
		value := defaults[o.Name]
		if isGiven {
			value = flag
		} else if v, ok := c.Backbone[o.Name]; ok {
			value = v
		}
		if err := o.Set(fmt.Sprint(value)); err != nil {
			return usageError{err}
		}
	}
	c.Arch, c.Norm, c.Backbone, c.Init = own.Arch, own.Norm, registry.Values(network.Arch), x.init
	if !flags.Changed("size") {
		c.Size = own.Size
	}
	return nil
}

// set makes a run start from the backbone, and records which of its settings follow from that.
func (x *initial) set(r *run.Run) {
	r.Start = x.start
	settings := append(slices.Collect(maps.Keys(r.Config.Backbone)), "arch", "norm", "size")
	for _, key := range settings {
		if key = strings.ReplaceAll(key, "-", "_"); r.Origin[key] == "" {
			r.Origin[key] = "init"
		}
	}
}
