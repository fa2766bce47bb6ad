package ssl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
)

// Every norm trains, with a momentum encoder, and resumes to the same bytes; then it is fine-tuned. Its features are the checkpoint's.
func TestEveryNormTrainsResumesAndFinetunes(t *testing.T) {
	set := noise(12, 16, 1)
	set.Labels = []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}
	for _, norm := range net.Norms {
		t.Run(norm, func(t *testing.T) {
			c := runConfig()
			c.Method, c.BN = "byol", norm
			c.Resolve(set)
			dir := t.TempDir()
			whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
			if err := pretrainOn(t, set, whole, c, false, 0); err != nil {
				t.Fatal(err)
			}
			if err := pretrainOn(t, set, run, c, false, 2); !errors.Is(err, ErrStopped) {
				t.Fatalf("%v, want ErrStopped", err)
			}
			if err := pretrainOn(t, set, run, c, true, 0); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content(t, run, CheckpointFile), content(t, whole, CheckpointFile)) {
				t.Error("the run that was stopped ended with other bytes")
			}
			checkpoint, err := net.LoadCheckpoint(filepath.Join(run, CheckpointFile))
			if err != nil {
				t.Fatal(err)
			}
			f := Finetuning{Steps: 2, Batch: 6, LR: 1e-3, PerClass: 2, Draws: 1, Seed: 1}
			if _, err := Finetune(device, c.Backbone(set.C), c.Size, FromCheckpoint(checkpoint), set, set, f); err != nil {
				t.Error(err)
			}
		})
	}
}

// Heads have the norm that they are told to have: with group norm no method leaves running statistics beside the backbone's, whose own are untouched.
func TestEveryMethodsHeadsHaveTheirNorm(t *testing.T) {
	set := noise(12, 32, 1)
	set.Labels = []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}
	set.Clips = []data.Clip{{Name: "a", First: 0, N: 3}, {Name: "b", First: 3, N: 3}, {Name: "c", First: 6, N: 3}, {Name: "d", First: 9, N: 3}}
	for _, method := range Methods() {
		c := smallConfig()
		c.Method, c.Batch, c.Size, c.HeadBN = method, 2, 32, "group"
		m, err := New(method)
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := m.(*DINO); ok {
			d.Normed = true
		}
		x, err := NewTrainer(kernels.NewStore(device), c, m, set)
		if err != nil {
			t.Fatal(err)
		}
		backbone := 0
		for _, s := range x.Store.States() {
			name := strings.TrimPrefix(s.Name, "momentum.")
			switch of := strings.HasPrefix(name, "bn1.") || strings.HasPrefix(name, "layer"); {
			case of:
				backbone++
			case strings.Contains(name, "running_"):
				t.Errorf("%s: %s is a batch norm's", method, s.Name)
			}
		}
		if backbone == 0 {
			t.Errorf("%s: the backbone lost its batch norms", method)
		}
		x.Free()
	}
}

// Checkpoints of before the choice say nothing of norms: they are batch norm's, and go on.
func TestARunWithoutNormsInItsConfigurationHasBatchNorm(t *testing.T) {
	r := &Run{Config: runConfig(), Set: noise(40, 16, 1)}
	r.Config.Resolve(r.Set)
	text, err := json.Marshal(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	if r.Config.BN != "on" || r.Config.HeadBN != "on" {
		t.Fatalf("%q and %q, want on", r.Config.BN, r.Config.HeadBN)
	}
	c := &net.Checkpoint{Meta: net.Meta{Config: []byte(strings.NewReplacer(`"bn":"on",`, "", `"head_bn":"on",`, "").Replace(string(text)))}}
	if diff := r.differs(c); diff != "" {
		t.Error(diff)
	}
	if r.Config.HeadBN = "off"; r.differs(c) == "" {
		t.Error("a run with other norms in the heads is taken for the same")
	}
}

// A batch norm that sees few images is told of once, by how many; not where none looks at other images, and not where it sees enough.
func TestBatchNormOfFewImagesIsToldOf(t *testing.T) {
	for _, x := range []struct {
		method, bn, head string
		batch, parts     int
		want             string
	}{{"simclr", "on", "", 30, 2, "30"}, {"simclr", "on", "", 32, 2, ""}, {"byol", "on", "", 24, 3, "8"}, {"byol", "group", "", 8, 1, ""}, {"byol", "off", "on", 8, 1, "8"},
		{"byol", "mean", "", 8, 1, "8"}, {"byol", "moving-mean", "", 8, 1, ""}} {
		c := smallConfig()
		c.Method, c.BN, c.HeadBN, c.Batch, c.Accumulate, c.Epochs = x.method, x.bn, x.head, x.batch, x.parts, 1
		m, err := New(x.method)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		r := &Run{Dir: t.TempDir(), Config: c, Method: m, Set: noise(64, 16, 1), Notice: func(format string, args ...any) {
			if text := fmt.Sprintf(format, args...); strings.HasPrefix(text, "batch norm sees") {
				told = append(told, strings.Fields(text)[4])
			}
		}}
		done, err := r.Pretrain(t.Context(), device)
		if err != nil {
			t.Fatal(err)
		}
		done.Free()
		if strings.Join(told, " ") != x.want {
			t.Errorf("%+v: told of %v", x, told)
		}
	}
}

// Without a momentum encoder BYOL's targets are the projections themselves, and the store holds no averages; without a predictor it has no parameters of one.
func TestBYOLGoesWithoutPredictorOrMomentumEncoder(t *testing.T) {
	for _, x := range []BYOL{{Momentum: 0, Out: 8}, {Momentum: 0.99, Out: 8, Direct: true}, {Momentum: 0, Out: 8, Direct: true}} {
		c := smallConfig()
		c.Method = "byol"
		m := x
		r, err := NewTrainer(kernels.NewStore(device), c, &m, noise(16, 16, 1))
		if err != nil {
			t.Fatal(err)
		}
		averaged, predictor := 0, 0
		for _, p := range r.Store.Params() {
			if p.Averaged() {
				averaged++
			}
			if strings.HasPrefix(p.Name, "predictor.") {
				predictor++
			}
		}
		if (averaged > 0) != (x.Momentum > 0) || (predictor > 0) == x.Direct {
			t.Errorf("%+v: %d averages, %d parameters of a predictor", x, averaged, predictor)
		}
		if err := r.Train(t.Context(), 2, func(Report) {}); err != nil {
			t.Errorf("%+v: %v", x, err)
		}
		r.Free()
	}
}
