package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// demoConfig returns the demo's settings, which take about five minutes on two CPU cores.
func demoConfig() run.Config {
	c := run.DefaultConfig()
	c.Data, c.Arch, c.Backbone, c.Epochs = "builtin:fashion-placed", "resnet10", map[string]any{"width": 16}, 6
	return c
}

// scores is a row of the demo's table, in percent.
type scores struct {
	eval.Scores
	Finetune10    *float64 `json:"finetune10,omitempty"`
	FinetuneDraws int      `json:"finetune10_n,omitempty"`
}

// summary is the content of summary.json.
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
	ImagesPerSecond float64           `json:"images_per_second,omitempty"` // of this call; 0: it trained nothing
	Eval            map[string]scores `json:"eval"`
	ONNX            onnxSummary       `json:"onnx"`
	Report          string            `json:"report"` // a page about the run
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
	summary     summary
}

func demoCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	seed := fs.Uint64("seed", 1, "random seed")
	end := inGroup(fs, outputGroup)
	out := fs.String("out", "runs/demo", "`DIR` for the run, backbone.onnx, summary.json and report.html")
	resume := fs.Bool("resume", false, "continue a demo that was stopped")
	end()
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
		return continueWith(d.run(ctx, *resume), "the same command and --resume")
	}
}

func (d *demo) run(ctx context.Context, resume bool) error {
	start := time.Now()
	if err := d.pretrain(ctx, resume); err != nil {
		return err
	}
	s, err := runSubject(d.dir, "")
	if err != nil {
		return err
	}
	if err := d.evaluate(ctx, s); err != nil {
		return err
	}
	if err := d.export(ctx, s); err != nil {
		return err
	}
	d.summary.Seconds, d.summary.Report = time.Since(start).Seconds(), filepath.Join(d.dir, "report.html")
	if err := d.write(); err != nil { // before the report, which has the table
		return err
	}
	if err := d.report(ctx); err != nil {
		return err
	}
	d.print()
	return nil
}

// demoReportImages is the number of images that the demo's report looks at: two seconds on two CPU cores.
const demoReportImages = 300

// report writes a page about the run.
func (d *demo) report(ctx context.Context) error {
	x := newReporter(pflag.NewFlagSet("report", pflag.ContinueOnError))
	x.images, x.dev = demoReportImages, d.dev
	if err := x.read([]string{d.dir}); err != nil {
		return err
	}
	if err := x.look(ctx); err != nil {
		return fmt.Errorf("%w during the report: the trained network and its results are saved in %s", err, d.dir)
	}
	return x.write(d.summary.Report)
}

// pretrain trains the network and begins the summary.
func (d *demo) pretrain(ctx context.Context, resume bool) error {
	start := time.Now()
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
	steps, err := pretrain(ctx, d.dev, &run.Run{Dir: d.dir, Resume: resume, Config: d.config, Method: m, Set: d.train, Tuner: tuner}, nil)
	d.summary = summary{Device: d.dev.Info().Name, Method: d.config.Method, Arch: d.config.Arch, Dataset: d.train.Name, Images: d.train.Len(),
		Epochs: d.config.Epochs, Batch: d.config.Batch, Seed: d.config.Seed, Eval: map[string]scores{},
		ImagesPerSecond: float64(steps*d.config.Batch) / time.Since(start).Seconds()}
	return err
}

// evaluate measures raw pixels, the untrained network and the pre-trained one.
func (d *demo) evaluate(ctx context.Context, trained subject) error {
	random, err := randomSubject(d.config, d.train)
	if err != nil {
		return err
	}
	for _, row := range []struct {
		key string
		s   subject
	}{{"raw", rawSubject(d.config.Size, d.train)}, {"random", random}, {"pretrained", trained}} {
		fmt.Printf("evaluating %s …\n", row.key)
		sc, err := d.score(ctx, row.s)
		if ctx.Err() != nil {
			return fmt.Errorf("%w during the evaluation: the trained network is saved in %s", run.ErrStopped, d.dir)
		}
		if err != nil {
			return err
		}
		d.summary.Eval[row.key] = sc
	}
	return nil
}

// score evaluates a row of the table.
func (d *demo) score(ctx context.Context, s subject) (scores, error) {
	var row scores
	f, err := s.features(ctx, d.dev, d.train, d.test)
	if err != nil {
		return row, err
	}
	if row.Scores, err = eval.EvaluateFrozen(ctx, f[0], f[1]); err != nil {
		return row, err
	}
	for _, percent := range []*float64{&row.KNN1, &row.KNN20, &row.Linear, &row.Linear10, &row.Linear10Std} {
		*percent = round(*percent)
	}
	if s.start == nil {
		return row, nil
	}
	finetune := eval.DefaultFinetuneConfig()
	line := finetuneProgress(&finetune)
	percent, err := eval.Finetune(ctx, d.dev, eval.Network{Config: s.config.Config, Inputs: s.inputs, Start: s.start}, d.train, d.test, finetune)
	line.end()
	percent = round(percent)
	row.Finetune10, row.FinetuneDraws = &percent, finetune.Draws
	return row, err
}

// export writes backbone.onnx and verifies it.
func (d *demo) export(ctx context.Context, s subject) error {
	path := filepath.Join(d.dir, "backbone.onnx")
	format, err := export.FormatOf(path)
	if err != nil {
		return err
	}
	x := exporter{dev: d.dev, s: s}
	b, err := x.backbone()
	if err != nil {
		return err
	}
	defer b.Store.Free()
	if err := format.Write(path, b); err != nil {
		return err
	}
	v, err := x.verify(ctx, format, path, b, d.test)
	if err != nil {
		return err
	}
	d.summary.ONNX = onnxSummary{Path: path, CosineMin: 1}
	for _, a := range v.Agreements {
		o := &d.summary.ONNX
		o.MaxAbsDiff, o.CosineMin = max(o.MaxAbsDiff, a.MaxAbsDiff), min(o.CosineMin, a.CosineMin)
		o.CheckedBy = append(o.CheckedBy, a.Runtime)
	}
	return nil
}

// print prints the table, its protocol and its result.
func (d *demo) print() {
	fmt.Printf("\n%-22s %8s %8s %8s %14s %14s\n", "accuracy, %", "kNN k=1", "kNN k=20", "linear", "linear, 10", "fine-tuned, 10")
	for _, row := range []struct{ key, name string }{{"raw", "raw pixels"}, {"random", "untrained network"}, {"pretrained", "pre-trained network"}} {
		s := d.summary.Eval[row.key]
		tuned := "–"
		if s.Finetune10 != nil {
			tuned = fmt.Sprintf("%.1f", *s.Finetune10)
		}
		fmt.Printf("%-22s %8.1f %8.1f %8.1f %14s %14s\n", row.name, s.KNN1, s.KNN20, s.Linear, fmt.Sprintf("%.1f ± %.1f", s.Linear10, s.Linear10Std), tuned)
	}
	random, trained := d.summary.Eval["random"], d.summary.Eval["pretrained"]
	fmt.Printf("\n%d test images; linear: probe on all labels; linear, 10: probe on 10 labels per class, mean ± std of %d draws;\n"+
		"fine-tuned, 10: whole network on 10 labels per class, mean of %d draws; seed %d, %s.\n",
		d.test.Len(), eval.FewShotDraws, random.FinetuneDraws, d.summary.Seed, d.summary.Device)
	fmt.Printf("With 10 labels per class, %s of pre-training without labels change the accuracy by %+.1f points (frozen network) and %+.1f points (fine-tuned).\n",
		count(d.summary.Epochs, "epoch"), trained.Linear10-random.Linear10, *trained.Finetune10-*random.Finetune10)
	printLine(os.Stdout, "%.0f s in total; backbone: %s, table: %s, report to look at: %s", d.summary.Seconds, d.summary.ONNX.Path, filepath.Join(d.dir, "summary.json"), d.summary.Report)
}

func (d *demo) write() error {
	return net.WriteFileAtomic(filepath.Join(d.dir, "summary.json"), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(d.summary)
	})
}
