package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"marr/export"
	"marr/net"
	"marr/net/registry"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/ssl/run"
	"marr/vk"
)

// demoConfig returns the demo's settings: small enough for five minutes on two CPU cores.
func demoConfig() run.Config {
	c := run.DefaultConfig()
	c.Data, c.Arch, c.Backbone, c.Epochs = "builtin:fashion-placed", "resnet10", map[string]any{"width": 16}, 6
	return c
}

// scores are one row of the demo's table, in percent.
type scores struct {
	eval.Scores
	Finetune10   *float64 `json:"finetune10,omitempty"`
	Finetune10_N int      `json:"finetune10_n,omitempty"`
}

// summary is runs/demo/summary.json.
type summary struct {
	Device          string            `json:"device"`
	Method          string            `json:"method"`
	Arch            string            `json:"arch"`
	Dataset         string            `json:"dataset"`
	Images          int               `json:"images"`
	Epochs          int               `json:"epochs"`
	Batch           int               `json:"batch"`
	Seed            uint64            `json:"seed"`
	Seconds         float64           `json:"seconds"`
	ImagesPerSecond float64           `json:"images_per_second"`
	Eval            map[string]scores `json:"eval"`
	ONNX            onnxSummary       `json:"onnx"`
}

type onnxSummary struct {
	Path       string   `json:"path"`
	MaxAbsDiff float64  `json:"max_abs_diff"`
	CosineMin  float64  `json:"cosine_min"`
	CheckedBy  []string `json:"checked_by"`
}

// demo is one run of the demo.
type demo struct {
	dir         string
	dev         *vk.Device
	config      run.Config
	train, test *data.Set
	sum         summary
}

func demoCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	out := fs.String("out", "runs/demo", "`DIR` for the run, backbone.onnx and summary.json")
	seed := fs.Uint64("seed", 1, "of everything random")
	resume := fs.Bool("resume", false, "go on with a demo that was stopped")
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		d := demo{dir: *out, config: demoConfig()}
		d.config.Seed = *seed
		var err error
		if d.train, err = openSet(ctx, d.config.Data, 0); err != nil {
			return err
		}
		if d.test, err = openSet(ctx, d.config.Data+":test", 0); err != nil {
			return err
		}
		if d.dev, err = openDevice(*device); err != nil {
			return err
		}
		defer d.dev.Close()
		return d.run(ctx, *resume)
	}
}

func (d *demo) run(ctx context.Context, resume bool) error {
	began := time.Now()
	m, err := ssl.New(d.config.Method)
	if err != nil {
		return err
	}
	d.config.Options = registry.Values(m)
	d.config.Resolve(d.train)
	tuner, err := newTuner(d.dev, "")
	if err != nil {
		return err
	}
	r := &run.Run{Dir: d.dir, Resume: resume, Config: d.config, Method: m, Set: d.train, Tuner: tuner}
	if err := pretrain(ctx, d.dev, r, nil); err != nil {
		return err
	}
	trained := time.Since(began)
	s, err := runSubject(d.dir, "")
	if err != nil {
		return err
	}
	d.sum = summary{Device: d.dev.Info().Name, Method: d.config.Method, Arch: d.config.Arch, Dataset: d.train.Name, Images: d.train.Len(),
		Epochs: d.config.Epochs, Batch: d.config.Batch, Seed: d.config.Seed, Eval: map[string]scores{},
		ImagesPerSecond: float64(d.config.Epochs*d.train.Len()/d.config.Batch*d.config.Batch) / trained.Seconds()}
	if err := d.evaluate(ctx, s); err != nil {
		return err
	}
	if err := d.export(s); err != nil {
		return err
	}
	d.sum.Seconds = time.Since(began).Seconds()
	d.print()
	return d.write()
}

// evaluate fills the table: raw pixels, the network untrained and pre-trained.
func (d *demo) evaluate(ctx context.Context, trained subject) error {
	random, err := randomSubject(d.config, d.train)
	if err != nil {
		return err
	}
	for _, row := range []struct {
		key string
		s   subject
	}{{"raw", rawSubject(d.config.Size, d.train)}, {"random", random}, {"pretrained", trained}} {
		if ctx.Err() != nil {
			return fmt.Errorf("%w while evaluating: the training is saved in %s: continue with the same command and --resume", run.ErrStopped, d.dir)
		}
		fmt.Printf("evaluating %s …\n", row.key)
		sc, err := d.score(row.s)
		if err != nil {
			return err
		}
		d.sum.Eval[row.key] = sc
	}
	return nil
}

func (d *demo) score(s subject) (scores, error) {
	var sc scores
	f, err := s.features(d.dev, d.train, d.test)
	if err != nil {
		return sc, err
	}
	if sc.Scores, err = eval.EvaluateFrozen(f[0], f[1]); err != nil {
		return sc, err
	}
	for _, percent := range []*float64{&sc.KNN1, &sc.KNN20, &sc.Linear, &sc.Linear10, &sc.Linear10Std} {
		*percent = round(*percent)
	}
	if s.start == nil {
		return sc, nil
	}
	tune := eval.DefaultFinetuneConfig()
	percent, err := eval.Finetune(d.dev, eval.Network{Config: s.config.Config, Start: s.start}, d.train, d.test, tune)
	percent = round(percent)
	sc.Finetune10, sc.Finetune10_N = &percent, tune.Draws
	return sc, err
}

// export writes backbone.onnx and verifies it.
func (d *demo) export(s subject) error {
	path := filepath.Join(d.dir, "backbone.onnx")
	format, err := export.FormatOf(path)
	if err != nil {
		return err
	}
	x := exporter{d.dev, s}
	b, err := x.backbone()
	if err != nil {
		return err
	}
	defer b.Store.Free()
	if err := format.Write(path, b); err != nil {
		return err
	}
	v, err := x.verify(format, path, b, d.test)
	if err != nil {
		return err
	}
	d.sum.ONNX = onnxSummary{Path: path, CosineMin: 1}
	for _, a := range v.Agreements {
		o := &d.sum.ONNX
		o.MaxAbsDiff, o.CosineMin = max(o.MaxAbsDiff, a.MaxAbsDiff), min(o.CosineMin, a.CosineMin)
		o.CheckedBy = append(o.CheckedBy, a.Runtime)
	}
	return nil
}

// print shows the table and what it says.
func (d *demo) print() {
	fmt.Printf("\n%-22s %8s %8s %8s %14s %14s\n", "accuracy, %", "kNN k=1", "kNN k=20", "linear", "linear, 10", "fine-tuned, 10")
	for _, row := range []struct{ key, name string }{{"raw", "raw pixels"}, {"random", "untrained network"}, {"pretrained", "pre-trained network"}} {
		s := d.sum.Eval[row.key]
		tuned := "–"
		if s.Finetune10 != nil {
			tuned = fmt.Sprintf("%.1f", *s.Finetune10)
		}
		fmt.Printf("%-22s %8.1f %8.1f %8.1f %14s %14s\n", row.name, s.KNN1, s.KNN20, s.Linear, fmt.Sprintf("%.1f ± %.1f", s.Linear10, s.Linear10Std), tuned)
	}
	random, trained := d.sum.Eval["random"], d.sum.Eval["pretrained"]
	fmt.Printf("\n%d test images; linear: probe on all labels; linear, 10: on 10 labels a class, mean ± std of %d draws; fine-tuned: whole network, 10 labels a class,\nmean of %d draws; seed %d, %s.\n",
		d.test.Len(), eval.FewShotDraws, random.Finetune10_N, d.sum.Seed, d.sum.Device)
	fmt.Printf("%d epochs without labels make 10 labels a class worth %+.1f points with the network frozen and %+.1f fine-tuned, against the same network from scratch.\n",
		d.sum.Epochs, trained.Linear10-random.Linear10, *trained.Finetune10-*random.Finetune10)
	fmt.Printf("%.0f s in all; the backbone is %s, the table %s.\n", d.sum.Seconds, d.sum.ONNX.Path, filepath.Join(d.dir, "summary.json"))
}

func (d *demo) write() error {
	return net.WriteFileAtomic(filepath.Join(d.dir, "summary.json"), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(d.sum)
	})
}
