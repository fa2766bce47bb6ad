package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"marr/ssl/data"
	"marr/ssl/run"
	"marr/vk"
)

func evalCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	dir := fs.String("run", "", "`DIR` of a run, whose newest checkpoint is measured, or one of its checkpoint files")
	branch := branchFlag(fs)
	model := fs.String("model", "", "`random|raw` in place of --run: an untrained network, or the pixels themselves")
	train := fs.String("train", "", "labeled images `D` to fit on")
	test := fs.String("test", "", "labeled images `D` to test on")
	asJSON := fs.Bool("json", false, "print the result as JSON")
	c := run.DefaultConfig()
	declared := map[string]bool{}
	fs.VisitAll(func(f *pflag.Flag) { declared[f.Name] = true })
	networkFlags(fs, &c.Config, "--model random: ")
	fs.IntVar(&c.Size, "size", 0, "--model random or raw: side of the images in `pixels`; default: that of the set, else 32")
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "--model random: random seed")
	var networkOptions []string // flags that a run does not take
	fs.VisitAll(func(f *pflag.Flag) {
		if !declared[f.Name] {
			networkOptions = append(networkOptions, f.Name)
		}
	})
	p := protocolFlags(fs)
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := p.choose(fs, args); err != nil {
			return err
		}
		if (*dir == "") == (*model == "") || *model != "" && *model != "random" && *model != "raw" {
			return usagef("eval: give either --run DIR, --model random or --model raw")
		}
		if err := checkBranch(*branch, *dir); err != nil {
			return err
		}
		if *dir != "" {
			for _, name := range networkOptions {
				if fs.Changed(name) {
					return usagef("--%s: a run has its own network: leave it out, or give --model random in place of --run", name)
				}
			}
		}
		if *train == "" || *test == "" {
			return usagef("eval: --train and --test are required: name the labeled images to fit on and to test on")
		}
		if err := setBackbone(fs, &c.Config); err != nil {
			return usageError{err}
		}
		e := evaluation{protocol: p, run: *dir, branch: *branch, model: *model, config: c, asJSON: *asJSON}
		return e.do(ctx, *train, *test, *device)
	}
}

// evaluation is a call of marr eval.
type evaluation struct {
	protocol           *protocol
	run, branch, model string
	config             run.Config
	asJSON             bool
}

func (e evaluation) do(ctx context.Context, trainName, testName, device string) error {
	var s subject
	var err error
	px := e.config.Size
	if e.run != "" {
		if s, err = runSubject(e.run, e.branch); err != nil {
			return err
		}
		px = s.inputs.Size
	}
	train, err := openSet(ctx, trainName, px)
	if err != nil {
		return err
	}
	test, err := openSet(ctx, testName, px)
	if err != nil {
		return err
	}
	channels := 0
	if e.run != "" {
		channels = s.channels
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
	if e.run == "" {
		e.config.Data = trainName
		setSize(&e.config, train)
		s = rawSubject(e.config.Size, train)
		if e.model == "random" {
			network, err := e.config.Network(train.C)
			if err == nil {
				err = network.Check(e.config.Size)
			}
			if err != nil {
				return usageError{err}
			}
			if s, err = randomSubject(e.config, train); err != nil {
				return err
			}
		}
	}
	var dev *vk.Device
	if s.start != nil {
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

// measure runs the protocol and returns its numbers with a text that describes them.
func (e evaluation) measure(ctx context.Context, dev *vk.Device, s subject, train, test *data.Set) (map[string]any, string, error) {
	name := s.name
	result := map[string]any{"model": s.name, "train": train.Name, "test": test.Name, "protocol": e.protocol.kind}
	if s.branch != "" {
		name += ", branch " + s.branch
		result["branch"] = s.branch
	}
	if len(e.protocol.notes) > 0 {
		result["notes"] = e.protocol.notes
	}
	text, err := e.protocol.measure(ctx, dev, s, train, test, result)
	return result, fmt.Sprintf("%s  (%s, train %s (%d), test %s (%d))", text, name, train.Name, train.Len(), test.Name, test.Len()), err
}
