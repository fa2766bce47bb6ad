package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"marr/kernels"
	"marr/net"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/vk"
)

// subject is what an evaluation looks at: a network with first values, and how images are put before it. A nil start means raw pixels.
type subject struct {
	name      string
	arch      net.Config
	px        int
	seed      uint64
	mean, std []float64
	start     ssl.Start
	branch    string // of a run: net.Online or net.Teacher
}

// randomSubject is a network that was never trained.
func randomSubject(c ssl.Config, train *data.Set) subject {
	mean, std := train.Stats()
	return subject{name: "random", arch: c.Backbone(train.C), px: c.Size, seed: c.Seed, mean: mean, std: std, start: ssl.RandomStart}
}

// rawSubject is the pixels themselves.
func rawSubject(px int, train *data.Set) subject {
	mean, std := train.Stats()
	return subject{name: "raw", px: px, mean: mean, std: std}
}

// branchFlag declares --branch; checkBranch says what cannot be meant.
func branchFlag(fs *pflag.FlagSet) *string {
	return fs.String("branch", "", net.Online+" or "+net.Teacher+": the run's backbone that was trained, or its momentum encoder; default: the method's choice")
}

func checkBranch(branch, run string) error {
	switch {
	case branch != "" && branch != net.Online && branch != net.Teacher:
		return usagef("--branch %s: want %s or %s", branch, net.Online, net.Teacher)
	case branch != "" && run == "":
		return usagef("--branch %s: only a run has branches: give --run", branch)
	}
	return nil
}

// runSubject is the backbone of a run folder's newest checkpoint: the branch that is named, "" for the run's product.
func runSubject(dir, branch string) (subject, ssl.Config, error) {
	config, err := ssl.ReadConfig(filepath.Join(dir, "config.toml"))
	if errors.Is(err, os.ErrNotExist) {
		return subject{}, config, fmt.Errorf("run %s: no run is here: give the folder that marr pretrain --out made", dir)
	}
	if err != nil {
		return subject{}, config, err
	}
	c, note, err := net.LoadNewest(filepath.Join(dir, ssl.CheckpointFile))
	if errors.Is(err, os.ErrNotExist) {
		return subject{}, config, fmt.Errorf("run %s: nothing is saved yet: let it finish an epoch", dir)
	}
	if err != nil {
		return subject{}, config, err
	}
	if note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	if err := c.Choose(branch); err != nil {
		return subject{}, config, fmt.Errorf("run %s: %w", dir, err)
	}
	return subject{dir, config.Backbone(c.Meta.Channels), config.Size, config.Seed, c.Meta.Mean, c.Meta.Std, ssl.FromCheckpoint(c), cmp.Or(c.Meta.Branch, net.Online)}, config, nil
}

// network puts the subject's backbone on a device.
func (s subject) network(dev *vk.Device) (*kernels.Store, *net.ResNet, error) {
	st := kernels.NewStore(dev)
	backbone, err := net.NewResNet(st, s.arch, s.seed)
	if err == nil {
		err = s.start(st)
	}
	if err != nil {
		st.Free()
		return nil, nil, err
	}
	return st, backbone, nil
}

// features are the subject's of each set; all sets have one size.
func (s subject) features(dev *vk.Device, sets ...*data.Set) ([]*eval.Features, error) {
	var out []*eval.Features
	if s.start == nil {
		for _, set := range sets {
			out = append(out, eval.RawPixels(set, s.px, s.mean, s.std))
		}
		return out, nil
	}
	if s.arch.Channels != sets[0].C {
		return nil, fmt.Errorf("%s was trained on images of %d channels, %s has %d: choose images of the same kind", s.name, s.arch.Channels, sets[0].Name, sets[0].C)
	}
	st, backbone, err := s.network(dev)
	if err != nil {
		return nil, err
	}
	defer st.Free()
	enc, err := ssl.NewEncoder(dev, st, backbone, s.mean, s.std, s.px, sets...)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	for _, set := range sets {
		f, err := enc.Features(set)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}
