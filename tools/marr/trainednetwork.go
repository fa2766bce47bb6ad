package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// trainedNetwork holds the flags of a command that computes features: a run or a file, images and a device.
type trainedNetwork struct {
	fs                       *pflag.FlagSet
	run, branch, model, data *string
	device                   *string
	config                   run.Config // Arch and Size are those of flags
}

// trainedNetworkFlags declares the flags. purpose is what the images are for, such as "to search".
func trainedNetworkFlags(fs *pflag.FlagSet, purpose string) *trainedNetwork {
	t := &trainedNetwork{fs: fs, config: run.DefaultConfig()}
	t.config.Arch = "" // help lists no options of an architecture that was not chosen
	end := inGroup(fs, networkGroup)
	t.run = fs.String("run", "", "`DIR` of a run, whose newest checkpoint is used, or one of its checkpoint files")
	t.branch = branchFlag(fs)
	t.model = fs.String("model", "", "`FILE` in place of --run: an .onnx or .safetensors file; an ONNX file of another architecture runs in ONNX Runtime")
	exclusive(fs, "model", "run", "the network of a run, or that of a file")
	backboneFlags(fs, &t.config.Config, "--model: ")
	unsetMeans(fs, "that of the file", "arch")
	fs.IntVar(&t.config.Size, "size", 0, "--model: side of the images in `pixels`; default: that of the file")
	end()
	end = inGroup(fs, dataGroup)
	t.data = fs.String("data", "", "images `D` "+purpose+": a folder, an archive, a list, a data-set file")
	end()
	t.device = deviceFlag(fs)
	return t
}

// check returns an error for flags that do not fit together.
func (t *trainedNetwork) check(args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	if *t.run == "" && *t.model == "" || *t.data == "" {
		return usagef("%s: --data and either --run or --model are required: name the images, and a run or a file with the network", t.fs.Name())
	}
	if err := checkBranch(*t.branch, *t.run); err != nil {
		return err
	}
	if *t.model != "" {
		if _, err := export.FormatOf(*t.model); err != nil {
			return usagef("--model %s: give a file that ends in .onnx or .safetensors", *t.model)
		}
		return nil
	}
	names := []string{"arch", "size"}
	for name := range givenSettings(t.fs) {
		names = append(names, name)
	}
	for _, name := range names {
		if t.fs.Changed(name) {
			return usagef("--%s: a run has its own network: leave it out", name)
		}
	}
	return nil
}

// embedder is a network with the images to compute features of.
type embedder struct {
	subject
	set *data.Set
	dev *vk.Device
}

// open opens what the flags name. The caller closes it.
func (t *trainedNetwork) open(ctx context.Context) (*embedder, error) {
	e := &embedder{}
	var err error
	if *t.run != "" {
		e.subject, err = runSubject(*t.run, *t.branch)
	} else {
		e.subject, err = evaluation{model: *t.model, config: t.config, given: givenSettings(t.fs), archGiven: t.fs.Changed("arch")}.file()
	}
	if err != nil {
		return nil, err
	}
	if e.set, err = openSet(ctx, *t.data, e.inputs.Size); err == nil {
		e.set = withChannels(e.set, e.channels)
		e.dev, err = openDevice(*t.device)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *embedder) close() {
	if e.runtime != nil {
		e.runtime.session.Close()
	}
	if e.set != nil {
		e.set.Close()
	}
	if e.dev != nil {
		e.dev.Close()
	}
}
