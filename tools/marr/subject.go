package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// subject is the network of an evaluation, with its values and the preparation of its images. Without start and runtime, it is the raw pixels in place of a
// network.
type subject struct {
	name     string
	config   run.Config
	channels int // of the images
	inputs   eval.Inputs
	start    eval.Start
	branch   string       // of a run: net.Online or net.Teacher
	weights  *net.Weights // of a file
	runtime  *onnxModel   // evaluates the network in place of the device

	values func(to io.Writer) error // of a run or a file: writes what its features depend on
}

// network returns the configuration of the subject's backbone.
func (s subject) network() (net.Config, error) { return s.config.Network(s.channels) }

// randomSubject returns an untrained network.
func randomSubject(c run.Config, train *data.Set) (subject, error) {
	s := subject{name: "random", config: c, channels: train.C, inputs: eval.Inputs{Size: c.Size}}
	s.inputs.Mean, s.inputs.Std = train.Stats()
	network, err := s.network()
	s.start = eval.StartFromRandom(network, c.Seed)
	return s, err
}

// rawSubject returns the subject of raw pixels.
func rawSubject(px int, train *data.Set) subject {
	mean, std := train.Stats()
	return subject{name: "raw", inputs: eval.Inputs{Mean: mean, Std: std, Size: px}}
}

// branchFlag declares --branch.
func branchFlag(fs *pflag.FlagSet) *string {
	branch := fs.String("branch", "", "`"+net.Online+"|"+net.Teacher+"`: the trained backbone or its momentum encoder; default: the method's choice")
	choices(fs, "branch", []string{net.Online, net.Teacher})
	return branch
}

func checkBranch(branch, run string) error {
	if branch != "" && run == "" {
		return usagef("--branch %s: only a run has branches: use it with --run", branch)
	}
	return nil
}

// runSubject returns a backbone of a run: of its folder's newest checkpoint, or of the checkpoint that dir names: the named branch, or "" for the one that the method exports.
func runSubject(dir, branch string) (subject, error) {
	folder := dir
	if isCheckpoint(dir) {
		folder = filepath.Dir(dir)
	}
	config, err := runConfig(folder)
	if err != nil {
		return subject{}, err
	}
	c, fallback, err := loadCheckpoint(dir)
	if errors.Is(err, os.ErrNotExist) && folder != dir {
		return subject{}, fmt.Errorf("run %s: no such checkpoint: give the folder for the newest one, or a checkpoint that --keep-every kept", dir)
	}
	if errors.Is(err, os.ErrNotExist) {
		return subject{}, fmt.Errorf("run %s: no checkpoint yet: train at least one epoch", dir)
	}
	if err != nil {
		return subject{}, err
	}
	if fallback != "" {
		note("%s", fallback)
	}
	if m := c.Meta; folder == dir && m.Epoch < config.Epochs {
		note("run %s is not finished: its network after step %d, %d of %d epochs, is used", dir, m.Step, m.Epoch, config.Epochs)
	}
	if err := c.Choose(branch); err != nil {
		return subject{}, fmt.Errorf("run %s: %w", dir, err)
	}
	return subject{name: dir, config: config, channels: c.Meta.Channels, inputs: eval.Inputs{Mean: c.Meta.Mean, Std: c.Meta.Std, Size: config.Size},
		start: eval.StartFromCheckpoint(c), branch: cmp.Or(c.Meta.Branch, net.Online), values: c.WriteValues}, nil
}

// runConfig returns the settings of the run in a folder.
func runConfig(folder string) (run.Config, error) {
	c, err := run.ReadConfig(filepath.Join(folder, run.ConfigFile))
	if err == nil {
		err = checkConfig(folder, c)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return c, err
	}
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return c, fmt.Errorf("run %s: there is no such folder: use the folder of marr pretrain --out", folder)
	}
	if isAblation(folder) {
		return c, fmt.Errorf("run %s: the folder holds an ablation: its runs, if it was made with --keep-runs, are in %s", folder, filepath.Join(folder, "runs"))
	}
	return c, fmt.Errorf("run %s: the folder holds no run: use the folder of marr pretrain --out", folder)
}

// checkConfig returns an error for a config.toml that lacks what every run has.
func checkConfig(folder string, c run.Config) error {
	if c.Size < 1 || c.Arch == "" {
		return fmt.Errorf("%s: it lacks the size of views or the architecture: the file is damaged: use another run", filepath.Join(folder, run.ConfigFile))
	}
	return nil
}

// isCheckpoint reports whether a path names one checkpoint of a run, in place of the run's folder.
func isCheckpoint(path string) bool { return strings.HasSuffix(path, ".ckpt") }

// loadCheckpoint reads the newest checkpoint of a run's folder, or the checkpoint that is named.
func loadCheckpoint(path string) (c *net.Checkpoint, note string, err error) {
	if isCheckpoint(path) {
		c, err = net.LoadCheckpoint(path)
		return c, "", err
	}
	return net.LoadNewest(filepath.Join(path, run.CheckpointFile))
}

// fileSubject returns the backbone of an ONNX or safetensors file. given are settings of its architecture that decide what the file leaves open.
func fileSubject(path string, given map[string]any) (subject, error) {
	format, err := export.FormatOf(path)
	if err != nil {
		return subject{}, usageError{err}
	}
	w, err := format.Read(path)
	if err != nil {
		return subject{}, err
	}
	network, err := w.Recognize(given)
	if err != nil {
		return subject{}, err
	}
	prep, err := w.Preparation()
	if err != nil {
		return subject{}, err
	}
	if len(prep.Mean) != network.Channels {
		return subject{}, fmt.Errorf("%s: its network takes images of %d channels and %d are normalized: use weights for color images", path, network.Channels, len(prep.Mean))
	}
	c := run.DefaultConfig()
	c.Arch, c.Backbone, c.Norm, c.Size = network.Name, registry.Values(network.Arch), network.Norm, prep.Size
	return subject{name: path, config: c, channels: network.Channels, inputs: eval.Inputs{Mean: prep.Mean, Std: prep.Std, Size: prep.Size},
		start: func(st *kernels.Store) error {
			_, err := w.Restore(st)
			return err
		}, weights: w, values: fileValues(path)}, nil
}

// load returns a new store of a device with the subject's backbone and its values.
func (s subject) load(dev *vk.Device) (*kernels.Store, net.Backbone, error) {
	network, err := s.network()
	if err != nil {
		return nil, nil, err
	}
	st := kernels.NewStore(dev)
	backbone, err := network.New(st, s.config.Seed)
	if err == nil {
		err = s.start(st)
	}
	if err != nil {
		st.Free()
		return nil, nil, err
	}
	return st, backbone, nil
}

// frozen returns the subject's network on a device. The caller frees its Store.
func (s subject) frozen(dev *vk.Device) (eval.Frozen, error) {
	f := eval.Frozen{Inputs: s.inputs, Module: pixels{}}
	if s.start == nil {
		f.Store = kernels.NewStore(dev)
		if s.runtime != nil {
			f.Runtime = s.runtime.features
		}
		return f, nil
	}
	var err error
	f.Store, f.Module, err = s.load(dev)
	return f, err
}

// raw reports whether the subject is the pixels themselves.
func (s subject) raw() bool { return s.start == nil && s.runtime == nil }

// features returns the subject's features of each set, and prints the progress. All sets have the channels of the subject.
func (s subject) features(ctx context.Context, dev *vk.Device, sets ...*data.Set) ([]*eval.Features, error) {
	var out []*eval.Features
	if s.raw() {
		for _, set := range sets {
			f, err := eval.RawPixels(ctx, set, s.inputs.Size, s.inputs.Mean, s.inputs.Std)
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
		return out, nil
	}
	enc, free, err := s.encoder(dev, false, sets...)
	if err != nil {
		return nil, err
	}
	defer free()
	for _, set := range sets {
		line := showFeatures(enc, set)
		features, err := enc.Features(ctx, set)
		line.end()
		if err != nil {
			return nil, err
		}
		out = append(out, features)
	}
	return out, nil
}

// encoder returns an encoder of the subject's network for images of sets, and a function that frees it. dense omits the pooling.
func (s subject) encoder(dev *vk.Device, dense bool, sets ...*data.Set) (enc *eval.Encoder, free func(), err error) {
	f, err := s.frozen(dev)
	if err != nil {
		return nil, nil, err
	}
	if dense {
		network, ok := f.Module.(net.Network)
		if !ok {
			f.Store.Free()
			return nil, nil, fmt.Errorf("--dense: %s runs in ONNX Runtime, which gives the features of its first output alone: give a file with the names of torchvision, timm or DINO, or --run", s.name)
		}
		f.Module = denseFeatures{network}
	}
	if enc, err = f.Encoder(sets...); err != nil {
		f.Store.Free()
		return nil, nil, err
	}
	return enc, func() {
		enc.Free()
		f.Store.Free()
	}, nil
}

// showFeatures makes an encoder print its progress with the images of a set. The caller ends the line.
func showFeatures(enc *eval.Encoder, set *data.Set) *workProgress {
	line := newWorkProgress()
	enc.Progress = func(images, total int) {
		line.update(images, total, func(perSecond float64) string {
			return fmt.Sprintf("features of %s: %d/%d images  %.1f/s", set.Name, images, total, perSecond)
		})
	}
	return line
}
