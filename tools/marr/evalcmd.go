package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

func evalCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	end := inGroup(fs, networkGroup)
	dir := fs.String("run", "", "`DIR` of a run, whose newest checkpoint is measured, or one of its checkpoint files")
	branch := branchFlag(fs)
	model := fs.String("model", "", "`FILE|random|raw` in place of --run: an .onnx or .safetensors file, an untrained network, or the pixels themselves. "+
		"random and raw take network, size and seed of a --run. An ONNX file of another architecture runs in ONNX Runtime")
	examples(fs, "model", []string{"random", "raw"})
	end()
	end = inGroup(fs, dataGroup)
	train := fs.String("train", "", "labeled images `D` to fit on")
	test := fs.String("test", "", "labeled images `D` to test on")
	end()
	end = inGroup(fs, outputGroup)
	asJSON := fs.Bool("json", false, "print the result as JSON")
	end()
	c := run.DefaultConfig()
	networkFlags(fs, &c.Config, "")
	end = inGroup(fs, networkGroup)
	fs.IntVar(&c.Size, "size", 0, "side of the images in `pixels`, without --run; default: that of the file or the set, else 32")
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "--model random: random seed")
	end()
	p := protocolFlags(fs)
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := p.choose(fs, args); err != nil {
			return err
		}
		compared := *model == "random" || *model == "raw"
		if (*dir == "") == (*model == "") && !compared {
			return usagef("eval: give either --run DIR or --model: a FILE, random or raw")
		}
		if err := checkBranch(*branch, *dir); err != nil {
			return err
		}
		if err := checkModelFlags(fs, *dir, *model); err != nil {
			return err
		}
		if *model == "raw" && p.kind == "finetune" {
			return usagef("--model raw: pixels cannot be fine-tuned: give a FILE or random, or --run")
		}
		if *train == "" || *test == "" {
			return usagef("eval: --train and --test are required: name the labeled images to fit on and to test on")
		}
		given := givenSettings(fs)
		if *model == "random" && *dir == "" {
			if err := setBackbone(fs, &c.Config); err != nil {
				return usageError{err}
			}
		}
		e := evaluation{protocol: p, run: *dir, branch: *branch, model: *model, config: c, given: given, archGiven: fs.Changed("arch"), asJSON: *asJSON}
		return e.do(ctx, *train, *test, *device)
	}
}

// checkModelFlags returns an error for flags of a network that the model does not take.
func checkModelFlags(fs *pflag.FlagSet, dir, model string) error {
	what, takes := "a run has its own network", []string{}
	switch {
	case dir != "":
	case model == "random":
		return nil
	case model == "raw":
		what, takes = "pixels have no network", []string{"size"}
	default:
		what, takes = "a file has its own", []string{"size", "arch"}
		for name := range givenSettings(fs) {
			takes = append(takes, name)
		}
	}
	for name := range givenSettings(fs) {
		if !slices.Contains(takes, name) {
			return usagef("--%s: %s: leave it out, or give --model random without --run", name, what)
		}
	}
	for _, name := range []string{"arch", "norm", "size", "seed"} {
		if fs.Changed(name) && !slices.Contains(takes, name) {
			return usagef("--%s: %s: leave it out, or give --model random without --run", name, what)
		}
	}
	return nil
}

// largestCompared is the largest side of images, in pixels, that raw pixels and random networks get by default: the size of short runs on photographs.
const largestCompared = 64

// evaluation is a call of marr eval.
type evaluation struct {
	protocol           *protocol
	run, branch, model string
	config             run.Config
	given              map[string]any // settings of the architecture that flags set
	archGiven          bool
	asJSON             bool
}

// saved returns the network of a run or a file; nil: the model is random or raw.
func (e evaluation) saved() (*subject, error) {
	var s subject
	var err error
	switch {
	case e.model == "random" || e.model == "raw":
		return nil, nil
	case e.run != "":
		s, err = runSubject(e.run, e.branch)
	default:
		s, err = e.file()
	}
	return &s, err
}

// file returns the network of a file: in the device if it fits one, else in ONNX Runtime.
func (e evaluation) file() (subject, error) {
	if _, err := export.FormatOf(e.model); err != nil {
		return subject{}, usagef("--model %s: give random, raw, or a file that ends in .onnx or .safetensors", e.model)
	}
	s, taken, err := e.deviceFile()
	if errors.As(err, new(usageError)) || errors.Is(err, os.ErrNotExist) || err != nil && filepath.Ext(e.model) != ".onnx" {
		return s, err
	}
	if err != nil {
		return runtimeSubject(e.model, e.config.Size, err)
	}
	note("%s: %v for %s; images of %d px are normalized with %s", e.model, taken, s.config.Arch, s.inputs.Size, normalizationOf(s.weights))
	return s, nil
}

// deviceFile returns the network of a file if it fits one of the device, and what was taken from the file.
func (e evaluation) deviceFile() (s subject, taken net.Taken, err error) {
	if s, err = fileSubject(e.model, e.given); err != nil {
		return s, taken, err
	}
	if e.archGiven && s.config.Arch != e.config.Arch {
		return s, taken, usagef("--arch %s: %s holds a %s: omit --arch", e.config.Arch, e.model, s.config.Arch)
	}
	if e.config.Size > 0 {
		s.inputs.Size, s.config.Size = e.config.Size, e.config.Size
	}
	network, err := s.network()
	if err != nil {
		return s, taken, err
	}
	if err := network.Check(s.inputs.Size); err != nil {
		return s, taken, usageError{err}
	}
	st := kernels.NewStore(nil)
	if _, err := network.New(st, 0); err != nil {
		return s, taken, err
	}
	taken, err = s.weights.Restore(st)
	return s, taken, err
}

func (e evaluation) do(ctx context.Context, trainName, testName, device string) error {
	saved, err := e.saved()
	if err != nil {
		return err
	}
	channels := 0
	if e.model != "" && e.run != "" {
		s, err := runSubject(e.run, e.branch)
		if err != nil {
			return err
		}
		e.config, channels = s.config, s.channels
	}
	px := e.config.Size
	if saved != nil {
		px, channels = saved.inputs.Size, saved.channels
		if saved.runtime != nil {
			defer saved.runtime.session.Close()
		}
		if e.protocol.kind == "finetune" && saved.start == nil {
			return fmt.Errorf("%s runs in ONNX Runtime, which cannot train: give a file with the names of torchvision, timm or DINO, or --run", saved.name)
		}
	}
	if px == 0 {
		var err error
		if px, err = defaultSize(ctx, trainName, largestCompared); err != nil {
			return err
		}
		e.config.Size = px
	}
	train, err := openSet(ctx, trainName, px)
	if err != nil {
		return err
	}
	test, err := openSet(ctx, testName, px)
	if err != nil {
		return err
	}
	if train, test, err = matchSets(train, test, channels); err != nil {
		return err
	}
	if err := e.protocol.fit(train); err != nil {
		return err
	}
	for _, text := range e.protocol.notes {
		note("%s", text)
	}
	s, err := e.subject(saved, trainName, train)
	if err != nil {
		return err
	}
	var dev *vk.Device
	if !s.raw() || e.protocol.augments() {
		if dev, err = openDevice(device); err != nil {
			return err
		}
		defer dev.Close()
	}
	result, text, err := e.measure(ctx, dev, s, train, test)
	if err != nil {
		return err
	}
	if e.asJSON {
		return json.NewEncoder(os.Stdout).Encode(result)
	}
	printLine(os.Stdout, "%s", text)
	return nil
}

// subject returns the saved network, or the random or raw one that depends on the training images.
func (e evaluation) subject(saved *subject, trainName string, train *data.Set) (subject, error) {
	if saved != nil {
		return *saved, nil
	}
	e.config.Data = trainName
	e.config.Resolve(train)
	if e.model == "raw" {
		return rawSubject(e.config.Size, train), nil
	}
	network, err := e.config.Network(train.C)
	if err == nil {
		err = network.Check(e.config.Size)
	}
	if err != nil {
		return subject{}, usageError{err}
	}
	return randomSubject(e.config, train)
}

// measure runs the protocol and returns its numbers with a text that describes them.
func (e evaluation) measure(ctx context.Context, dev *vk.Device, s subject, train, test *data.Set) (map[string]any, string, error) {
	name := s.name
	result := map[string]any{"model": s.name, "train": train.Name, "test": test.Name, "protocol": e.protocol.kind}
	if s.branch != "" {
		name += ", branch " + s.branch
		result["branch"] = s.branch
	}
	switch {
	case s.raw():
		name = fmt.Sprintf("raw, %d px", s.inputs.Size)
	case e.model == "random":
		name = fmt.Sprintf("random %s, %d px", networkName(s.config), s.inputs.Size)
	}
	if s.runtime != nil {
		result["runtime"] = "ONNX Runtime"
		name += " in ONNX Runtime"
	}
	if len(e.protocol.notes) > 0 {
		result["notes"] = e.protocol.notes
	}
	text, err := e.protocol.measure(ctx, dev, s, train, test, result)
	return result, fmt.Sprintf("%s  (%s, train %s (%d), test %s (%d))", text, name, train.Name, train.Len(), test.Name, test.Len()), err
}
