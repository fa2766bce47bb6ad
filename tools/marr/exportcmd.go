package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/vk"
)

func exportCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	end := inGroup(fs, networkGroup)
	dir := fs.String("run", "", "`DIR` of the run to export, or one of its checkpoint files")
	branch := branchFlag(fs)
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "", "`FILE` to write, which ends in .onnx or .safetensors")
	verify := fs.Bool("verify", false, "read the file back and compare it with the run: ONNX by the features of the run's images, safetensors by its bytes")
	x := exporter{}
	fs.StringVar(&x.data, "data", "", "images `D` for --verify; default: those of the run")
	fs.BoolVar(&x.dense, "dense", false, "ONNX: add a second output, what the features are pooled from: the last feature map [N C h w] of a convolutional network, or the tokens [N T D] of a transformer")
	anySize := fs.Bool("any-size", true, "ONNX: let height and width of the images be dynamic, as the number of images is; vision transformers have positions and stay at one size")
	fs.IntVar(&x.opset, "opset", export.Opset, "ONNX: version of the operator set: 17, or 13 for programs that lack LayerNormalization")
	var opsets []string
	for _, v := range export.Opsets() {
		opsets = append(opsets, fmt.Sprint(v))
	}
	choices(fs, "opset", opsets)
	end()
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		if *dir == "" || *out == "" {
			return usagef("export: --run and --out are required: name the run and the file to write")
		}
		if err := checkBranch(*branch, *dir); err != nil {
			return err
		}
		format, err := export.FormatOf(*out)
		if err != nil {
			return usagef("--out: %w", err)
		}
		for _, flag := range []string{"dense", "any-size", "opset"} {
			if fs.Changed(flag) && format.Name() != "ONNX" {
				return usagef("--%s: only for ONNX files, which hold a graph with outputs; %s holds the weights alone: omit it, or end --out in .onnx", flag, format.Name())
			}
		}
		if err := checkFolder(*out); err != nil {
			return err
		}
		x.anySize, x.sized = *anySize && format.Name() == "ONNX", *anySize && fs.Changed("any-size")
		if x.s, err = runSubject(*dir, *branch); err != nil {
			return err
		}
		if x.dev, err = openDevice(*device); err != nil {
			return err
		}
		defer x.dev.Close()
		return x.export(ctx, format, *out, *verify)
	}
}

// export writes the backbone to path and verifies it on request. It opens the images first, so that a command that fails writes nothing.
func (x exporter) export(ctx context.Context, format export.Format, path string, verify bool) error {
	var set *data.Set
	if verify && format.NeedsSamples() {
		var err error
		if set, err = x.images(ctx); err != nil {
			return fmt.Errorf("--verify needs images, such as those of the run: %w; name others with --data, or omit --verify", err)
		}
		defer set.Close()
	}
	b, err := x.backbone()
	if err != nil {
		return err
	}
	defer b.Store.Free()
	if b, err = x.write(format, path, b); err != nil {
		return err
	}
	network, err := x.s.network()
	if err != nil {
		return err
	}
	names := ""
	if library := network.Arch.ParamNames(); library != "" {
		names = ", parameter names of " + library
	}
	outputs, err := b.Outputs()
	if err != nil {
		return err
	}
	var described []string
	for _, o := range outputs {
		described = append(described, o.String())
	}
	printLine(os.Stdout, "%s: %s backbone of %s as %s: input image %s normalized with the file's mean and std, output %s%s",
		path, x.s.branch, x.s.name, format.Name(), imageShape(b), strings.Join(described, " and "), names)
	if !verify {
		return nil
	}
	_, err = x.verify(ctx, format, path, b, set)
	return err
}

// write writes b, for images of any size if that was asked for by name or is possible. It returns b as it was written.
func (x exporter) write(format export.Format, path string, b export.Backbone) (export.Backbone, error) {
	err := format.Write(path, b)
	if errors.Is(err, export.ErrFixedSize) && !x.sized {
		b.AnySize = false
		err = format.Write(path, b)
	}
	return b, err
}

// imageShape describes the images that a file of b takes.
func imageShape(b export.Backbone) string {
	if b.AnySize {
		return fmt.Sprintf("[N %d height width]", b.Channels)
	}
	return fmt.Sprintf("[N %d %d %d]", b.Channels, b.Height, b.Width)
}

// images opens the images that the run was trained on.
func (x exporter) images(ctx context.Context) (*data.Set, error) {
	set, err := openSet(ctx, cmp.Or(x.data, x.s.config.Data), x.s.inputs.Size)
	if err != nil {
		return nil, err
	}
	if set.C > x.s.channels {
		set.Close()
		return nil, fmt.Errorf("%s has color now, but the run was trained on gray images", set.Name)
	}
	set.C = x.s.channels
	return set, nil
}

// verify reads the file back, compares it with the backbone on the first images of set, and prints the result. set may be nil for a format that
// needs no samples.
func (x exporter) verify(ctx context.Context, format export.Format, path string, b export.Backbone, set *data.Set) (export.Verification, error) {
	var samples export.Samples
	if format.NeedsSamples() {
		var err error
		if samples, err = x.samples(ctx, b, set); err != nil {
			return export.Verification{}, err
		}
	}
	v, err := format.Verify(path, b, samples)
	if err != nil {
		return v, err
	}
	if v.Tensors > 0 {
		fmt.Printf("read back: %d tensors equal the run's, bit for bit\n", v.Tensors)
	}
	for _, a := range v.Agreements {
		what := ""
		if b.Dense {
			what = a.Output + " of "
		}
		fmt.Printf("%s agrees with the device on %s%d images: largest difference %.1e, smallest cosine %.7f\n", a.Runtime, what, a.Images, a.MaxAbsDiff, a.CosineMin)
	}
	for _, reason := range v.Absent {
		fmt.Printf("not verified with ONNX Runtime: %s\n", oneLine(reason))
	}
	return v, nil
}

// exporter writes the backbone of a subject and verifies the file.
type exporter struct {
	dev            *vk.Device
	s              subject
	anySize, dense bool   // see export.Backbone
	sized          bool   // --any-size was given: a network of one size is an error
	opset          int    // see export.Backbone
	data           string // images of a verification; "": those of the run
}

// backbone loads the network for export. The caller frees its Store.
func (x exporter) backbone() (export.Backbone, error) {
	st, backbone, err := x.s.load(x.dev)
	if err != nil {
		return export.Backbone{}, err
	}
	b := export.Backbone{Store: st, Module: backbone, Height: x.s.inputs.Size, Width: x.s.inputs.Size, Channels: x.s.channels,
		AnySize: x.anySize, Dense: x.dense, Opset: x.opset, Metadata: x.metadata()}
	if x.dense {
		var outputs []export.Value
		if outputs, err = b.Outputs(); err == nil {
			b.Metadata["marr.outputs"] = asJSON([]string{outputs[0].Name, outputs[1].Name})
		}
	}
	return b, err
}

// asJSON returns a list of numbers or texts, which can always be marshaled, as JSON.
func asJSON[T float64 | string](list []T) string {
	b, _ := json.Marshal(list)
	return string(b)
}

// metadata returns the preparation of images for the network, and the origin of the network.
func (x exporter) metadata() map[string]string {
	about := map[string]string{
		"marr.resize": fmt.Sprint(views.Eval(views.Input{Size: x.s.inputs.Size, Channels: x.s.channels, Frames: 1})[0].CenterCrop.Resize),
		"marr.stored": fmt.Sprint(train.StoredSide(x.s.inputs.Size)),
		"marr.mean":   asJSON(x.s.inputs.Mean), "marr.std": asJSON(x.s.inputs.Std), "marr.size": fmt.Sprint(x.s.inputs.Size), "marr.channels": fmt.Sprint(x.s.channels),
		"marr.method": x.s.config.Method, "marr.branch": cmp.Or(x.s.branch, net.Online), "marr.dataset": x.s.config.Data, "marr.arch": x.s.config.Arch, "marr.norm": x.s.config.Norm,
		"marr.epochs": fmt.Sprint(x.s.config.Epochs), "marr.seed": fmt.Sprint(x.s.config.Seed),
	}
	for name, v := range x.s.config.Backbone {
		if v != false { // a setting that is not used
			about["marr."+name] = fmt.Sprint(v)
		}
	}
	return about
}

// maxSamples is the largest number of images that an export is verified on.
const maxSamples = 64

// samples returns the first images of a set as the network receives them, and their features on the device.
func (x exporter) samples(ctx context.Context, b export.Backbone, set *data.Set) (export.Samples, error) {
	first := set.Limit(min(maxSamples, set.Len()))
	features, err := x.encode(ctx, b.Store, b.Module, first)
	if err != nil {
		return export.Samples{}, err
	}
	nhwc, err := x.encode(ctx, b.Store, pixels{}, first)
	if err != nil {
		return export.Samples{}, err
	}
	_, nchw := net.ToTorch([]int{first.Len(), b.Height, b.Width, b.Channels}, nhwc)
	samples := export.Samples{Images: nchw, Features: features}
	if network, ok := b.Module.(net.Network); ok && b.Dense {
		samples.Dense, err = x.encode(ctx, b.Store, denseFeatures{network}, first)
	}
	return samples, err
}

// encode returns the output of a module for the images of a set, computed on the device.
func (x exporter) encode(ctx context.Context, st *kernels.Store, m net.Module, set *data.Set) ([]float32, error) {
	enc, err := eval.NewEncoder(st, m, x.s.inputs, set)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	f, err := enc.Features(ctx, set)
	if err != nil {
		return nil, err
	}
	return f.X, nil
}

// denseFeatures is a network without its pooling.
type denseFeatures struct{ net.Network }

func (d denseFeatures) Forward(x *kernels.Tensor, m net.Mode) *kernels.Tensor { return d.Map(x, m) }

// pixels is a network that returns its input, the images after the test transform.
type pixels struct{}

func (pixels) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor { return x }
