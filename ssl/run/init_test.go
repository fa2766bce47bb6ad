package run

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
)

// pretrained returns the start and the Init of an untrained backbone of another seed, whose running statistics are those of no set.
func pretrained(t *testing.T, c Config) (func(*kernels.Store) error, *Init) {
	t.Helper()
	network, err := c.Network(1)
	if err != nil {
		t.Fatal(err)
	}
	start := func(st *kernels.Store) error {
		from := kernels.NewStore(nil)
		if _, err := network.New(from, 9); err != nil {
			return err
		}
		values := map[string][]float32{}
		for _, p := range from.Params() {
			v, err := p.Read()
			if err != nil {
				return err
			}
			values[p.Name] = v
		}
		for _, p := range st.Params() {
			if err := p.Write(values[p.Name]); err != nil {
				return err
			}
		}
		for _, x := range st.States() {
			if strings.HasSuffix(x.Name, ".running_mean") {
				if err := x.Write(slices.Repeat([]float32{0.25}, x.Shape[0])); err != nil {
					return err
				}
			}
		}
		return nil
	}
	st := kernels.NewStore(nil)
	if _, err := network.New(st, 1); err != nil {
		t.Fatal(err)
	}
	if err := start(st); err != nil {
		t.Fatal(err)
	}
	sum, err := net.BackboneFingerprint(st)
	if err != nil {
		t.Fatal(err)
	}
	return start, &Init{sum, []float64{0.5}, []float64{0.2}}
}

// initRun trains BYOL, whose momentum encoder starts at the given weights too.
func initRun(t *testing.T, dir string, init *Init, start func(*kernels.Store) error, stop int, look func(*train.Trainer)) error {
	t.Helper()
	c := runConfig()
	c.Method, c.Init = "byol", init
	m, err := ssl.New(c.Method)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &Run{Dir: dir, Resume: true, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), Start: start, OnStart: look, OnStep: func(p Progress) {
		if p.Step == stop {
			cancel()
		}
	}}
	x, err := r.Pretrain(ctx, device)
	if x != nil {
		x.Free()
	}
	return err
}

func TestRunStartsFromGivenWeightsAndResumesWithoutThem(t *testing.T) {
	dir := t.TempDir()
	start, init := pretrained(t, runConfig())
	started := 0
	counted := func(st *kernels.Store) error {
		started++
		return start(st)
	}
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	look := func(x *train.Trainer) {
		got, err := net.BackboneFingerprint(x.Store)
		if err != nil || got != init.Weights {
			t.Errorf("the backbone starts with the fingerprint %s (%v), want %s", got, err, init.Weights)
		}
		for _, p := range x.Store.Params() {
			if !p.HasAverage() || !strings.HasPrefix(p.Name, net.BackbonePrefix) {
				continue
			}
			v, err := p.Read()
			if err != nil {
				t.Fatal(err)
			}
			if average, err := p.ReadAverage(); err != nil || !slices.Equal(average, v) {
				t.Errorf("the momentum encoder's %s does not start at the backbone's (%v)", p.Name, err)
			}
		}
		statistics := 0
		for _, s := range x.Store.States() {
			if !strings.HasPrefix(s.Name, "momentum.backbone.") || !strings.HasSuffix(s.Name, ".running_mean") {
				continue
			}
			statistics++
			if v, err := s.Read(); err != nil || v[0] != 0.25 {
				t.Errorf("%s starts at %v (%v), want the backbone's 0.25", s.Name, v[0], err)
			}
		}
		if statistics == 0 {
			t.Error("no running statistics of a momentum encoder")
		}
		if mean, std := x.Stats(); mean[0] != 0.5 || std[0] != 0.2 {
			t.Errorf("images are normalized with %v and %v, want those of the weights", mean, std)
		}
	}
	if err := initRun(t, whole, init, counted, 0, look); err != nil {
		t.Fatal(err)
	}
	if err := initRun(t, broken, init, counted, 7, nil); !errors.Is(err, ErrStopped) {
		t.Fatalf("got %v, want ErrStopped", err)
	}
	if err := initRun(t, broken, init, func(*kernels.Store) error { t.Error("a resumed run loads the weights again"); return nil }, 0, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, MetricsFile, ConfigFile} {
		if !bytes.Equal(content(t, broken, name), content(t, whole, name)) {
			t.Errorf("%s of the resumed run differs", name)
		}
	}
	c, err := ReadConfig(filepath.Join(whole, ConfigFile))
	if err != nil || c.Init == nil || c.Init.Weights != init.Weights || !slices.Equal(c.Init.Mean, init.Mean) || !slices.Equal(c.Init.Std, init.Std) {
		t.Errorf("config.toml records %+v (%v), want %+v", c.Init, err, init)
	}
	for what, other := range map[string]*Init{"none": nil, "others": {"0", init.Mean, init.Std}} {
		if err := initRun(t, whole, other, start, 0, nil); err == nil || !strings.Contains(err.Error(), "started from other weights") {
			t.Errorf("resumed with %s: got %v, want a refusal", what, err)
		}
	}
}

func TestRecipesHaveNoInit(t *testing.T) {
	const text = "about = \"a\"\nsource = \"s\"\nmethod = \"byol\"\n[init]\nweights = \"0\"\n"
	if _, err := parseRecipe(text); err == nil || !strings.Contains(err.Error(), "init is not known") || strings.Contains(err.Error(), ", init") {
		t.Errorf("got %v, want an error that does not offer init", err)
	}
}
