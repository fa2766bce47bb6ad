package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"marr/bench"
	"marr/net"
	"marr/vk"
)

// benchRun is one call of marr bench.
type benchRun struct {
	step                 bench.StepOptions
	json, against, label string
	python, device, tune string
	runs                 string // folder of
	peer, plan           bool
	rows                 bench.KernelOptions
	old                  *bench.Report
	report               *bench.Report
}

func benchCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	b := &benchRun{}
	filter := fs.String("filter", "", "kernels: only rows whose group, name and pass match this `REGEXP`; methods: only runs whose name does")
	fs.StringVar(&b.json, "json", "", "write everything that was measured to `FILE`")
	fs.StringVar(&b.against, "against", "", "print ratios against an older `FILE`")
	fs.StringVar(&b.label, "label", "", "a word for this measurement, kept in the file")
	fs.IntVar(&b.rows.Runs, "runs", 0, "kernels: runs of each row; default 7, fewer where that takes long")
	fs.StringVar(&b.step.Arch, "arch", "resnet18", "step: "+strings.Join(net.Archs, " or "))
	fs.StringVar(&b.step.Stem, "stem", "", "step: "+strings.Join(net.Stems, " or ")+"; default: as marr pretrain")
	fs.IntVar(&b.step.Width, "width", 64, "step: channels of the first stage")
	fs.IntVar(&b.step.Batch, "batch", 0, "step: images; default 512, on a CPU device 32")
	fs.IntVar(&b.step.Size, "size", 32, "step: side of a view in `pixels`")
	fs.IntVar(&b.step.Steps, "steps", 0, "step: steps of each measurement; default 20, on a CPU device 3")
	fs.BoolVar(&b.plan, "plan", false, "step: only plan its memory, which the device must have, and run nothing")
	fs.BoolVar(&b.peer, "peer", false, "step, data, methods: run the same in PyTorch beside it; with times in turn, and the ratio")
	fs.StringVar(&b.python, "python", "", "step: `python` that can import torch; default: python3, then /usr/bin/python3")
	fs.StringVar(&b.runs, "runs-dir", "runs/methods", "methods: `DIR` that keeps each run: what is there already is not trained again")
	device, tune := deviceFlag(fs), tuneFlag(fs)
	return func(ctx context.Context, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("bench: say what to measure: one of %s", strings.Join(benchWords, ", "))
		case args[0] == "table":
			return printTables(args[1:])
		case !slices.Contains(benchWords, args[0]):
			return usagef("bench: %s: want one of %s", args[0], strings.Join(benchWords, ", "))
		case b.rows.Runs < 0 || b.step.Steps < 0 || b.step.Batch < 0:
			return usagef("bench: --runs %d, --steps %d, --batch %d: want none of them below 0", b.rows.Runs, b.step.Steps, b.step.Batch)
		}
		if err := noArgs(args[1:]); err != nil {
			return err
		}
		var err error
		if b.rows.Filter, err = regexp.Compile(*filter); err != nil {
			return usagef("bench: --filter: %v: write a regular expression, such as 'resnet18.*forward'", err)
		}
		b.device, b.tune = *device, *tune
		return b.run(ctx, args[0])
	}
}

var benchWords = []string{"kernels", "step", "data", "methods", "all", "table"}

// printTables shows reports as Markdown.
func printTables(files []string) error {
	if len(files) == 0 {
		return usagef("bench table: name the files that marr bench --json wrote")
	}
	var all []*bench.Report
	for _, f := range files {
		r, err := bench.ReadReport(f)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	return bench.Markdown(os.Stdout, all)
}

// run measures, then prints and writes what there is, also when it was stopped on the way.
func (b *benchRun) run(ctx context.Context, what string) error {
	if b.against != "" {
		var err error
		if b.old, err = bench.ReadReport(b.against); err != nil {
			return err
		}
	}
	dev, err := openDevice(b.device)
	if err != nil {
		return err
	}
	defer dev.Close()
	b.defaults(dev.Info().Type == vk.CPU)
	tuner, err := newTuner(dev, b.tune)
	if err != nil {
		return err
	}
	b.rows.Tuner, b.step.Tuner = tuner, tuner
	b.report = bench.NewReport(dev, "marr "+strings.Join(os.Args[1:], " "), tuner.Mode().String())
	b.report.Label = b.label
	peers, err := b.peers(ctx)
	if err != nil {
		return err
	}
	err = b.measure(ctx, dev, what, peers)
	b.say("")
	b.report.Cut = ctx.Err() != nil
	if err != nil && !b.report.Cut {
		return err
	}
	b.report.Print(os.Stdout)
	if b.old != nil {
		b.report.PrintAgainst(os.Stdout, b.old)
	}
	if b.report.Cut {
		err = fmt.Errorf("bench: %w before its end: what was measured is above", context.Canceled)
	}
	if b.json != "" {
		err = errors.Join(err, b.report.Write(b.json))
	}
	return err
}

// defaults fills in what was not said.
func (b *benchRun) defaults(cpu bool) {
	batch, steps := 512, 20
	if cpu {
		batch, steps = 32, 3
	}
	b.step.Batch, b.step.Steps = cmp.Or(b.step.Batch, batch), cmp.Or(b.step.Steps, steps)
}

// peers finds PyTorch where it was asked for: fp32, and mixed precision where it has CUDA.
func (b *benchRun) peers(ctx context.Context) ([]bench.PeerCommand, error) {
	if !b.peer {
		return nil, nil
	}
	python, cuda, err := bench.FindPython(ctx, b.python)
	if err != nil {
		return nil, err
	}
	list := []bench.PeerCommand{{Python: python}}
	if cuda {
		list = append(list, bench.PeerCommand{Python: python, AMP: true})
	}
	return list, nil
}

func (b *benchRun) measure(ctx context.Context, dev *vk.Device, what string, peers []bench.PeerCommand) (err error) {
	if what == "methods" {
		return b.methods(ctx, dev, peers)
	}
	if what == "data" || what == "all" {
		b.say("data")
		if b.report.Feeding, err = bench.MeasureFeeding(ctx, dev, b.fed(dev.Info().Type == vk.CPU), peers[:min(1, len(peers))]); err != nil || what == "data" {
			return err
		}
	}
	if what != "step" {
		if err := b.kernels(ctx, dev); err != nil {
			return err
		}
	}
	if what == "kernels" {
		return nil
	}
	if err := b.measureStep(ctx, dev, b.step, peers); err != nil || what == "step" {
		return err
	}
	if dev.Info().Type != vk.CPU {
		if err := b.measureStep(ctx, dev, b.large(), peers); err != nil {
			return err
		}
	}
	b.say("training")
	short := shortTraining
	short.Tuner = b.step.Tuner
	b.report.Training, err = bench.Train(ctx, dev, short)
	return err
}

func (b *benchRun) measureStep(ctx context.Context, dev *vk.Device, o bench.StepOptions, peers []bench.PeerCommand) error {
	b.say("step: %v", o)
	var s bench.Step
	var err error
	if b.plan {
		s, err = bench.PlanStep(ctx, dev, o)
	} else {
		s, err = bench.MeasureStep(ctx, dev, o, peers)
	}
	if err == nil {
		b.report.Steps = append(b.report.Steps, s)
	}
	return err
}

// methods trains each method on built-in images: far longer than the rest, and therefore no part of all.
func (b *benchRun) methods(ctx context.Context, dev *vk.Device, peers []bench.PeerCommand) (err error) {
	o := bench.MethodOptions{Dir: b.runs, Peers: peers, Tuner: b.step.Tuner, Say: b.say}
	cases, err := bench.MethodCases()
	if err != nil {
		return err
	}
	for _, c := range cases {
		if b.rows.Filter.MatchString(c.Name) {
			o.Cases = append(o.Cases, c)
		}
	}
	if len(o.Cases) == 0 {
		return usagef("bench methods: --filter %v matches no run", b.rows.Filter)
	}
	b.report.Methods, err = bench.MeasureMethods(ctx, dev, o)
	return err
}

// fed are the steps that views are to be a small part of.
func (b *benchRun) fed(cpu bool) []bench.StepOptions {
	small, large := b.step, b.large()
	small.Arch, small.Stem, small.Width, small.Size = "resnet18", "cifar", 64, 32
	if cpu {
		small.Batch, large.Batch = 16, 2
	}
	return []bench.StepOptions{small, large}
}

// large is the second step of all on a GPU: ResNet-50 on images of ImageNet's size.
func (b *benchRun) large() bench.StepOptions {
	o := b.step
	o.Arch, o.Stem, o.Width, o.Batch, o.Size = "resnet50", "imagenet", 64, 32, 224
	return o
}

// shortTraining is the demo's network, for as long as it takes to see the loss fall.
var shortTraining = bench.StepOptions{Arch: "resnet10", Stem: "strided", Width: 16, Batch: 64, Size: 32, Steps: 60}

// kernels measures the peak before and after the rows: what others did on the machine meanwhile must not make shares larger.
func (b *benchRun) kernels(ctx context.Context, dev *vk.Device) error {
	b.say("peak")
	p, err := bench.MeasurePeak(dev)
	if err != nil {
		return err
	}
	b.report.Peak = p
	done := 0
	b.report.Rows, err = bench.Kernels(ctx, dev, bench.Cases(p), p, b.rows, func(r bench.Row) {
		done++
		b.say("row %d: %s, %s, %s", done, r.Group, r.Name, r.Pass)
	})
	if err != nil {
		return err
	}
	if p, err = bench.MeasurePeak(dev); err == nil {
		b.report.Raise(p)
	}
	return err
}

// say shows what is being measured, on a terminal only: one line, written over.
func (b *benchRun) say(format string, args ...any) {
	if term.IsTerminal(int(os.Stderr.Fd())) {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}
