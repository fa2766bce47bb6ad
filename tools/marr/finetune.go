package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// The files that marr finetune adds to its run's folder.
const (
	classifierFile = "classifier.onnx"
	resultsFile    = "results.json"
)

// finetuning is a call of marr finetune: one run for each seed and, with --baseline, as many from random weights.
type finetuning struct {
	finetuneOptions
	*settings
	config   run.Config
	method   *ssl.Finetune
	initial  *initial
	text     string // of --views
	perClass int    // 0: all

	opened      []*data.Set
	train, test *data.Set // a nil test measures nothing
	dev         *vk.Device
	tuner       *kernels.Tuner
}

func (f *finetuning) close() {
	for _, set := range f.opened {
		set.Close()
	}
	if f.dev != nil {
		f.dev.Close()
	}
}

// do trains, prints and saves the results.
func (f *finetuning) do(ctx context.Context) error {
	start := time.Now()
	var tuned, scratch []*eval.Confusion
	for i := range f.seeds {
		c, err := f.once(ctx, i, false)
		if err != nil {
			return err
		}
		tuned = append(tuned, c)
		if !f.baseline {
			continue
		}
		if c, err = f.once(ctx, i, true); err != nil {
			return err
		}
		scratch = append(scratch, c)
	}
	if f.test == nil {
		fmt.Println("not measured: --test none")
		return nil
	}
	r := f.results(tuned, scratch)
	fmt.Print(r.text(tuned[0]))
	path := filepath.Join(f.out, resultsFile)
	if err := r.write(path); err != nil {
		return err
	}
	printLine(os.Stdout, "saved: %s and %s, in %s", filepath.Join(f.out, classifierFile), path, formatDuration(time.Since(start)))
	return nil
}

// folder returns the folder of run i.
func (f *finetuning) folder(i int, scratch bool) string {
	seed := fmt.Sprintf("seed%d", f.config.Seed+uint64(i))
	switch {
	case scratch:
		return filepath.Join(f.out, "scratch-"+seed)
	case i > 0:
		return filepath.Join(f.out, seed)
	}
	return f.out
}

// once trains run i, from random weights for the baseline, and tests it. It exports the first one.
func (f *finetuning) once(ctx context.Context, i int, scratch bool) (*eval.Confusion, error) {
	m, c := registry.Copy(f.method), f.config
	c.Seed += uint64(i)
	r := &run.Run{Dir: f.folder(i, scratch), Resume: f.resume, Origin: maps.Clone(f.origin), Method: m, Views: f.text, Tuner: f.tuner}
	if scratch {
		if m.Freeze && f.origin["lr"] != "flag" {
			c.LR = finetuneRate
		}
		m.Freeze, m.BackboneLR = false, 1
		mean, std := f.train.Stats()
		c.Init = &run.Init{Weights: "random", Mean: mean, Std: std}
	}
	if i == 0 && !scratch {
		r.Flags = f.kept(keptFinetuneFlags)
	}
	if f.seeds > 1 || f.baseline {
		from := f.initial.name
		if scratch {
			from = "random weights"
		}
		fmt.Println()
		printLine(os.Stdout, "seed %d, from %s, in %s", c.Seed, from, r.Dir)
	}
	var err error
	if r.Set, err = f.draw(i); err != nil {
		return nil, err
	}
	c.Options = registry.Values(m)
	r.Config = c
	f.initial.set(r)
	r.Origin["init"], r.Origin["data"] = "flag", "flag" // --run or --init; --train
	if scratch {
		r.Origin["init"], r.Start = "baseline", func(*kernels.Store) error { return nil }
	}
	t, _, err := trainRun(ctx, f.dev, r, nil)
	if t != nil {
		defer t.Free()
	}
	if err != nil {
		return nil, err
	}
	if i == 0 && !scratch {
		if err := f.export(ctx, t, m, r.Set); err != nil {
			return nil, err
		}
	}
	if f.test == nil {
		return nil, nil
	}
	enc, err := eval.NewEncoder(t.Store, m.Classifier().Probabilities(), inputsOf(t), f.test)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	outputs, err := enc.Features(ctx, f.test)
	if err != nil {
		return nil, err
	}
	return eval.NewConfusion(f.train.Classes, outputs), nil
}

// inputsOf returns the preparation of images for the network of a trainer.
func inputsOf(t *train.Trainer) eval.Inputs {
	mean, std := t.Stats()
	return eval.Inputs{Mean: mean, Std: std, Size: t.Config.Size}
}

// export writes classifier.onnx and verifies it on training images.
func (f *finetuning) export(ctx context.Context, t *train.Trainer, m *ssl.Finetune, set *data.Set) error {
	c := f.config
	c.Config = t.Config
	x := exporter{dev: f.dev, s: subject{name: f.out, config: c, channels: set.C, inputs: inputsOf(t)}}
	about := x.metadata()
	classes, err := json.Marshal(f.train.Classes)
	if err != nil {
		return err
	}
	about[classesKey] = string(classes)
	b := export.Backbone{Store: t.Store, Module: m.Classifier().Probabilities(), Output: export.Probabilities,
		Height: c.Size, Width: c.Size, Channels: set.C, AnySize: true, Metadata: about}
	path := filepath.Join(f.out, classifierFile)
	format, err := export.FormatOf(path)
	if err != nil {
		return err
	}
	if b, err = x.write(format, path, b); err != nil {
		return err
	}
	printLine(os.Stdout, "%s: input image %s normalized with the file's mean and std, output probabilities [N %d]", path, imageShape(b), len(f.train.Classes))
	_, err = x.verify(ctx, format, path, b, set)
	return err
}

// classesKey is the key of a classifier's metadata that lists the names of its classes, as JSON.
const classesKey = "marr.classes"
