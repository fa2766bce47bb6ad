package main

import (
	"bufio"
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

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/bench/methods"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// benchRun is a call of marr bench.
type benchRun struct {
	step                 bench.StepOptions
	json, against, label string
	python, device, tune string
	runsDir              string
	data, test           string
	epochs               int
	peer, plan           bool
	ranks                []int
	rows                 bench.KernelOptions
	old                  *bench.Results
	results              *methods.Results
	status               statusLine
}

func benchCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	b := &benchRun{}
	filter := fs.String("filter", "", "kernels: only rows whose group, name and pass match this `REGEXP`; methods: only runs whose name matches")
	end := inGroup(fs, outputGroup)
	fs.StringVar(&b.json, "json", "", "write all results to `FILE`")
	fs.StringVar(&b.against, "against", "", "print the speed-up over the results in an older `FILE`")
	fs.StringVar(&b.label, "label", "", "a name for this measurement, stored in the file")
	fs.StringVar(&b.runsDir, "runs-dir", "runs/methods", "methods: `DIR` with a folder for each run; completed runs in it are not trained again")
	end()
	fs.IntVar(&b.rows.Runs, "runs", 0, "kernels: runs of each row; default 7, fewer if a row takes long")
	c := train.DefaultConfig()
	backboneFlags(fs, &c, "step: ")
	fs.IntVar(&b.step.Batch, "batch", 0, "step: images per step; default 512, on a CPU device 32")
	precisionFlag(fs, &b.step.Precision, "step: ")
	fs.IntVar(&b.step.Size, "size", 32, "step, and methods with --data: side of a view in `pixels`")
	fs.IntVar(&b.step.Steps, "steps", 0, "step: steps per measurement; default 20, on a CPU device 3")
	fs.StringVar(&b.data, "data", "", "methods: labeled `IMAGES` on which every method trains with the settings that marr pretrain chooses; default: embedded ones, with registered settings and recipes")
	fs.StringVar(&b.test, "test", "", "methods: labeled `IMAGES` to test on, with --data")
	fs.IntVar(&b.epochs, "epochs", methods.DefaultEpochs, "methods: epochs of each run with --data")
	fs.IntSliceVar(&b.ranks, "ranks", nil, "step: measure a step that `N,N…` devices compute together, each with --batch images: those of --device in turn, such as 0,1; "+
		"what summing the gradients takes; under mpirun all ranks that it started")
	wireFlag(fs, &b.step.Wire, "step with --ranks: ")
	fs.BoolVar(&b.step.SyncBN, "sync-bn", false, "step with --ranks: batch norm normalizes over the images of all devices")
	fs.BoolVar(&b.plan, "plan", false, "step: plan the memory and run nothing; the device must have that much memory")
	fs.BoolVar(&b.peer, "peer", false, "step, data, methods: run the same work in PyTorch too and compare; both are timed alternately")
	fs.StringVar(&b.python, "python", "", "--peer: a `PYTHON` that can import torch; default: python3, then python, then /usr/bin/python3")
	device, tune := devicesFlag(fs), tuneFlag(fs)
	return usageReportedByFirst(func(ctx context.Context, args []string) error {
		if err := b.checkRanks(args); err != nil {
			return err
		}
		switch {
		case len(args) == 0:
			return usagef("bench: nothing to measure: choose one of %s", strings.Join(benchWords, ", "))
		case args[0] == "table":
			return printTables(args[1:])
		case !slices.Contains(benchWords, args[0]):
			return usagef("bench: %s: unknown measurement: choose one of %s", args[0], strings.Join(benchWords, ", "))
		case (b.data == "") != (b.test == "") || b.data == "" && fs.Changed("epochs"):
			return usagef("bench methods: --data, --test and --epochs belong together: give images to train on and others to test on")
		case b.epochs < 1:
			return usagef("bench methods: --epochs %d: want at least 1", b.epochs)
		case len(b.ranks) > 0 && (args[0] != "step" || b.peer || b.plan || slices.Min(b.ranks) < 1):
			return usagef("bench %s: --ranks %v: want numbers of at least 1, with step, without --peer and --plan", args[0], b.ranks)
		case len(b.ranks) == 0 && fs.Changed("wire"):
			return usagef("bench: --wire %s: one device sends no gradients: give --ranks with step", b.step.Wire)
		case len(b.ranks) == 0 && b.step.SyncBN:
			return usagef("bench: --sync-bn: there are no other devices: give --ranks with step")
		case len(b.ranks) == 0 && len(selectors(*device)) > 1:
			return usagef("bench: --device %s: several devices are for bench step --ranks: name one", *device)
		case b.rows.Runs < 0 || b.step.Steps < 0 || b.step.Batch < 0:
			return usagef("bench: --runs %d, --steps %d, --batch %d: none may be negative", b.rows.Runs, b.step.Steps, b.step.Batch)
		}
		if err := noArgs(args[1:]); err != nil {
			return err
		}
		var err error
		if b.rows.Filter, err = regexp.Compile(*filter); err != nil {
			return usagef("bench: --filter: %v: use a regular expression, such as 'resnet18.*forward'", err)
		}
		if err := setBackbone(fs, &c); err != nil {
			return usageError{err}
		}
		b.step.Arch, b.step.Backbone = c.Arch, c.Backbone
		b.device, b.tune = *device, *tune
		return withRanks(func(comm ranks.Comm) error { return b.run(ctx, args[0], comm) })
	})
}

var benchWords = []string{"kernels", "step", "data", "methods", "all", "table"}

// printTables prints results files as Markdown.
func printTables(files []string) error {
	if len(files) == 0 {
		return usagef("bench table: no files: give files that marr bench --json wrote")
	}
	out := bufio.NewWriter(os.Stdout)
	for _, f := range files {
		r, err := methods.ReadResults(f)
		if err != nil {
			return err
		}
		r.WriteMarkdown(out)
	}
	return out.Flush()
}

// run measures, then prints and writes the results, even if the user stopped it. comm connects it with other processes that measure the same step, of
// which the first prints and writes; nil: it is alone.
func (b *benchRun) run(ctx context.Context, what string, comm ranks.Comm) error {
	if b.against != "" && !isFollower() {
		var err error
		if b.old, err = bench.ReadResults(b.against); err != nil {
			return err
		}
	}
	devices, err := openDevicesOfRank(b.device)
	if err != nil {
		return err
	}
	defer closeDevices(devices)
	dev := devices[0]
	b.defaults(dev.Info().Type == vk.CPU)
	tuner, err := newTuner(dev, b.tune)
	if err != nil {
		return err
	}
	b.rows.Tuner, b.step.Tuner = tuner, tuner
	if comm != nil && comm.Rank() > 0 {
		_, err := bench.MeasureRanks(ctx, devices, []ranks.Comm{comm}, b.step)
		return err
	}
	b.results = &methods.Results{Results: *bench.NewResults(dev, launchLine()+commandLine(), tuner.Mode().String())}
	b.results.Label = b.label
	peers, err := b.peers(ctx)
	if err != nil {
		return err
	}
	if len(b.ranks) > 0 {
		err = b.measureRanks(ctx, devices, comm)
	} else {
		err = b.measure(ctx, dev, what, peers)
	}
	b.status.clear(os.Stderr)
	b.results.Stopped = ctx.Err() != nil
	if err != nil && !b.results.Stopped {
		return err
	}
	b.results.Print(os.Stdout)
	if b.old != nil {
		b.results.PrintComparison(os.Stdout, b.old)
	}
	if b.results.Stopped {
		err = fmt.Errorf("bench: %w before its end: the results so far are above", context.Canceled)
	}
	if b.json != "" {
		err = errors.Join(err, b.results.Write(b.json))
	}
	return err
}

// defaults sets the options that the user left at zero.
func (b *benchRun) defaults(cpu bool) {
	batch, steps := 512, 20
	if cpu {
		batch, steps = 32, 3
	}
	b.step.Batch, b.step.Steps = cmp.Or(b.step.Batch, batch), cmp.Or(b.step.Steps, steps)
}

// peers returns the PyTorch configurations for --peer: fp32, and mixed precision if torch supports CUDA.
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
		b.printStatus("data")
		if b.results.Data, err = bench.MeasureData(ctx, dev, b.dataSteps(dev.Info().Type == vk.CPU), peers[:min(1, len(peers))]); err != nil || what == "data" {
			return err
		}
	}
	if what != "step" {
		if err := b.kernels(ctx, dev); err != nil {
			return err
		}
	}
	if what == "kernels" {
		if len(b.results.Rows) == 0 {
			return usagef("bench kernels: --filter %v matches no row: use parts of a group, name and pass, such as 'resnet18.*forward'", b.rows.Filter)
		}
		return nil
	}
	if err := b.measureStep(ctx, dev, b.step, peers); err != nil || what == "step" {
		return err
	}
	if dev.Info().Type != vk.CPU {
		if err := b.measureStep(ctx, dev, b.imageNetStep(), peers); err != nil {
			return err
		}
	}
	b.printStatus("training")
	training := shortTraining
	training.Tuner = b.step.Tuner
	b.results.Training, err = bench.MeasureTraining(ctx, dev, training)
	return err
}

func (b *benchRun) measureStep(ctx context.Context, dev *vk.Device, o bench.StepOptions, peers []bench.PeerCommand) error {
	b.printStatus("step: %v", o)
	var s bench.Step
	var err error
	if b.plan {
		s, err = bench.PlanStep(ctx, dev, o)
	} else {
		s, err = bench.MeasureStep(ctx, dev, o, peers)
	}
	if err == nil {
		b.results.Steps = append(b.results.Steps, s)
	}
	return err
}

// measureRanks measures the step on each number of devices, or on this one and those of the other ranks of comm.
func (b *benchRun) measureRanks(ctx context.Context, devices []*vk.Device, comm ranks.Comm) error {
	for _, n := range b.ranks {
		comms := ranks.Local(n)
		if comm != nil {
			comms = []ranks.Comm{comm}
		}
		var own []*vk.Device
		for i := range comms {
			own = append(own, devices[i%len(devices)])
		}
		b.printStatus("step on %s: %v", count(n, "device"), b.step)
		r, err := bench.MeasureRanks(ctx, own, comms, b.step)
		if err != nil {
			return err
		}
		b.results.Ranks = append(b.results.Ranks, r)
	}
	return nil
}

// methods trains each method on embedded images, or on those of the user. It takes far longer than the other measurements, so "all" excludes it.
func (b *benchRun) methods(ctx context.Context, dev *vk.Device, peers []bench.PeerCommand) (err error) {
	o := methods.Options{Dir: b.runsDir, Peers: peers, Tuner: b.step.Tuner, Log: b.printStatus}
	cases, err := b.methodCases(ctx, &o)
	if err != nil {
		return err
	}
	defer o.Train.Close()
	defer o.Test.Close()
	var known []string
	for _, c := range cases {
		known = append(known, c.Name)
		if b.rows.Filter.MatchString(c.Name) {
			o.Cases = append(o.Cases, c)
		}
	}
	if len(o.Cases) == 0 {
		return usagef("bench methods: --filter %v matches no run: known are %s", b.rows.Filter, strings.Join(known, ", "))
	}
	b.results.Comparison, err = methods.Compare(ctx, dev, o)
	return err
}

// methodCases opens the images into o and returns the runs.
func (b *benchRun) methodCases(ctx context.Context, o *methods.Options) ([]methods.Case, error) {
	name := cmp.Or(b.data, methods.Images)
	var err error
	if o.Train, err = openSet(ctx, name, b.step.Size); err != nil {
		return nil, err
	}
	if o.Test, err = openSet(ctx, cmp.Or(b.test, methods.Images+":test"), b.step.Size); err != nil {
		return nil, err
	}
	if o.Train, o.Test, err = matchSets(o.Train, o.Test, 0); err != nil {
		return nil, err
	}
	if b.data == "" {
		o.Size, _, _ = o.Train.Size()
		return methods.Cases()
	}
	o.Size = b.step.Size
	return methods.RecommendedCases(name, o.Train, o.Size, b.epochs)
}

// dataSteps returns the steps in which the share of views is measured.
func (b *benchRun) dataSteps(cpu bool) []bench.StepOptions {
	small, large := b.step, b.imageNetStep()
	small.Arch, small.Backbone, small.Size = "resnet18", map[string]any{"stem": "cifar", "width": 64}, 32
	if cpu {
		small.Batch, large.Batch = 16, 2
	}
	return []bench.StepOptions{small, large}
}

// imageNetStep returns ResNet-50 at 224 px, the second step of "all" on a GPU.
func (b *benchRun) imageNetStep() bench.StepOptions {
	o := b.step
	o.Arch, o.Backbone, o.Batch, o.Size = "resnet50", map[string]any{"stem": "imagenet", "width": 64}, 32, 224
	return o
}

// shortTraining trains the network of marr demo until the loss has clearly fallen.
var shortTraining = bench.StepOptions{Arch: "resnet10", Backbone: map[string]any{"stem": "strided", "width": 16}, Batch: 64, Size: 32, Steps: 60}

// kernels measures the peak before and after the rows, so that load from other processes does not increase the shares.
func (b *benchRun) kernels(ctx context.Context, dev *vk.Device) error {
	b.printStatus("peak")
	p, err := bench.MeasurePeak(dev)
	if err != nil {
		return err
	}
	b.results.Peak = p
	done := 0
	b.results.Rows, err = bench.MeasureKernels(ctx, dev, bench.Cases(p), p, b.rows, func(r bench.Row) {
		done++
		b.printStatus("row %d: %s, %s, %s", done, r.Group, r.Name, r.Pass)
	})
	if err != nil {
		return err
	}
	if p, err = bench.MeasurePeak(dev); err == nil {
		b.results.RaisePeak(p)
	}
	return err
}

// printStatus prints the current measurement on one line of a terminal and overwrites the previous one.
func (b *benchRun) printStatus(format string, args ...any) {
	if term.IsTerminal(int(os.Stderr.Fd())) {
		b.status.write(os.Stderr, fmt.Sprintf(format, args...))
	}
}
