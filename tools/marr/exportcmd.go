package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"marr/export"
	"marr/kernels"
	"marr/net"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/views"
	"marr/vk"
)

func exportCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	run := fs.String("run", "", "`DIR` of the run")
	out := fs.String("out", "", "`FILE`.onnx or .safetensors to write")
	verify := fs.Bool("verify", false, "read the file back and compare: ONNX by its features of the run's images, safetensors by its bytes")
	branch := branchFlag(fs)
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		if *run == "" || *out == "" {
			return usagef("export: --run and --out are needed: say which run and where to write")
		}
		if err := checkBranch(*branch, *run); err != nil {
			return err
		}
		if !strings.HasSuffix(*out, ".onnx") && !strings.HasSuffix(*out, ".safetensors") {
			return usagef("--out %s: the ending says the format: want .onnx or .safetensors", *out)
		}
		if info, err := os.Stat(filepath.Dir(*out)); err != nil || !info.IsDir() {
			return fmt.Errorf("--out %s: there is no folder %s: make it first, or choose another", *out, filepath.Dir(*out))
		}
		s, c, err := runSubject(*run, *branch)
		if err != nil {
			return err
		}
		dev, err := openDevice(*device)
		if err != nil {
			return err
		}
		defer dev.Close()
		x := exporter{dev, s, c}
		if strings.HasSuffix(*out, ".onnx") {
			return x.onnx(ctx, *out, *verify)
		}
		if err := x.writeSafetensors(*out); err != nil {
			return err
		}
		fmt.Printf("%s: %s backbone of %s, names of torchvision, layouts of PyTorch\n", *out, s.branch, *run)
		if !*verify {
			return nil
		}
		n, err := x.checkSafetensors(*out)
		if err == nil {
			fmt.Printf("read back: %d tensors are the run's, bit for bit\n", n)
		}
		return err
	}
}

// onnx writes an ONNX file and, if asked to, has it judged on images of the run, which are opened first: a refused command writes nothing.
func (x exporter) onnx(ctx context.Context, path string, verify bool) error {
	var set *data.Set
	if verify {
		var err error
		if set, err = openSet(ctx, x.config.Data, x.s.px); err != nil {
			return fmt.Errorf("--verify needs the images of the run: %w", err)
		}
		defer set.Close()
		if set.C > x.s.arch.Channels {
			return fmt.Errorf("--verify needs the images of the run: %s has colour now, and the run was trained on gray: give the images back, or leave --verify out", set.Name)
		}
		set.C = x.s.arch.Channels
	}
	if err := x.write(path); err != nil {
		return err
	}
	c, px := x.s.arch.Channels, x.s.px
	fmt.Printf("%s: %s backbone of %s, input image [N %d %d %d] normalised with the file's mean and std, output features [N %d]\n",
		path, x.s.branch, x.s.name, c, px, px, x.s.arch.Dim())
	if !verify {
		return nil
	}
	reports, absent, err := x.check(path, set)
	if err != nil {
		return err
	}
	for _, r := range reports {
		fmt.Println(verdict(r))
	}
	for _, why := range absent {
		fmt.Printf("not checked with ONNX Runtime: %v\n", why)
	}
	return nil
}

// verdict says in a sentence how far a judge's features are from the device's.
func verdict(r export.Report) string {
	return fmt.Sprintf("%s agrees with the device on %d images: largest difference %.1e, smallest cosine %.7f", r.Judge, r.Images, r.MaxAbsDiff, r.CosineMin)
}

// exporter writes a subject's backbone and has it judged.
type exporter struct {
	dev    *vk.Device
	s      subject
	config ssl.Config
}

// write writes the ONNX file; its metadata says how images are to be prepared.
func (x exporter) write(path string) error {
	st, backbone, err := x.s.network(x.dev)
	if err != nil {
		return err
	}
	defer st.Free()
	m, err := export.Trace(st, backbone, x.s.px, x.s.px, x.s.arch.Channels)
	if err != nil {
		return err
	}
	m.Producer, m.Metadata = "marr", x.metadata()
	return export.WriteFile(path, m)
}

// metadata says how images are to be prepared and where the network comes from.
func (x exporter) metadata() map[string]string {
	numbers := func(v []float64) string {
		b, _ := json.Marshal(v) // numbers always marshal
		return string(b)
	}
	return map[string]string{
		"marr.resize": fmt.Sprint(views.Eval(views.Input{Size: x.s.px, Channels: x.s.arch.Channels, Frames: 1})[0].CenterCrop.Resize),
		"marr.mean":   numbers(x.s.mean), "marr.std": numbers(x.s.std), "marr.size": fmt.Sprint(x.s.px), "marr.channels": fmt.Sprint(x.s.arch.Channels),
		"marr.method": x.config.Method, "marr.branch": cmp.Or(x.s.branch, net.Online), "marr.dataset": x.config.Data, "marr.arch": x.config.Arch, "marr.stem": x.config.Stem,
		"marr.width": fmt.Sprint(x.config.Width), "marr.norm": cmp.Or(x.config.BN, "on"), "marr.epochs": fmt.Sprint(x.config.Epochs), "marr.seed": fmt.Sprint(x.config.Seed),
	}
}

// checkImages is how many images an export is verified on.
const checkImages = 64

// maxDifference is how far a judge's feature may be from the device's, as a share of the largest feature where that is above 1: rounding grows
// with the numbers that the residual connections of a deep network add up.
const maxDifference = 1e-4

// check compares every judge's features with the device's on the first images of a set.
func (x exporter) check(path string, set *data.Set) (reports []export.Report, absent []error, err error) {
	few := set.Limit(min(checkImages, set.Len()))
	st, backbone, err := x.s.network(x.dev)
	if err != nil {
		return nil, nil, err
	}
	defer st.Free()
	enc, err := ssl.NewEncoder(x.dev, st, backbone, x.s.mean, x.s.std, x.s.px, few)
	if err != nil {
		return nil, nil, err
	}
	defer enc.Free()
	want, err := enc.Features(few)
	if err != nil {
		return nil, nil, err
	}
	inputs, err := ssl.NewEncoder(x.dev, st, pixels{}, x.s.mean, x.s.std, x.s.px, few)
	if err != nil {
		return nil, nil, err
	}
	defer inputs.Free()
	nhwc, err := inputs.Features(few)
	if err != nil {
		return nil, nil, err
	}
	n, c, px := few.Len(), x.s.arch.Channels, x.s.px
	_, nchw := net.ToTorch([]int{n, px, px, c}, nhwc.X) // the same turn of axes as a weight's
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	limit := maxDifference * max(1, float64(slices.Max(want.X))) // features are means of what a ReLU left: none is negative
	present, absent := export.Judges()
	for _, j := range present {
		r, err := export.Check(raw, nchw, []int{n, c, px, px}, want.X, j)
		if err != nil {
			return nil, nil, err
		}
		if !(r.MaxAbsDiff <= limit) {
			return nil, nil, fmt.Errorf("%s: features of %s are %.1e from the device's, more than %.1g: the export or a kernel is wrong: please report it", path, j.Name(), r.MaxAbsDiff, limit)
		}
		reports = append(reports, r)
	}
	return reports, absent, nil
}

// pixels is the network that returns its input: the test transform alone.
type pixels struct{}

func (pixels) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor { return x }
