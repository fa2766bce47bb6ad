package export

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// denseCases are networks whose features are pooled from feature maps and from tokens, with images whose sides differ.
func denseCases(t *testing.T) []denseCase {
	return []denseCase{
		{resnet(t, "resnet10", "imagenet", 4, 3, ""), 40, 21, false, "feature_map [N 32 2 1]"},
		{resnet(t, "resnet10", "strided", 4, 1, "layer"), 24, 40, false, "feature_map [N 32 2 3]"},
		{resnet(t, "resnet10", "cifar", 4, 3, ""), 10, 17, true, "feature_map [N 32 map_height map_width]"},
		{convNeXt(t), 16, 24, false, "feature_map [N 32 2 3]"},
		{smallViT(t, map[string]any{"grid": 4}), 16, 16, false, "tokens [N 17 32]"},
		{smallViT(t, map[string]any{"grid": 4, "pool": "mean"}), 13, 24, false, "tokens [N 19 32]"},
	}
}

// convNeXt returns the shape of a narrow ConvNeXt for color images.
func convNeXt(t *testing.T) net.Config {
	t.Helper()
	c, err := net.NewConfig("convnext-atto", map[string]any{"width": 4, "stem-patch": 1}, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type denseCase struct {
	config  net.Config
	h, w    int
	anySize bool
	output  string
}

// The second output is what the device pools the features from, and the features have the bits of a file without it.
func TestRuntimesAgreeWithTheDeviceOnDenseOutputs(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, c := range denseCases(t) {
		t.Run(c.output, func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			m := randomNet(t, st, c.config)
			b := Backbone{Store: st, Module: m, Height: c.h, Width: c.w, Channels: c.config.Channels, AnySize: c.anySize}
			dims := []int{3, b.Channels, c.h, c.w}
			s := Samples{Images: make([]float32, 3*b.Channels*c.h*c.w)}
			rng.New(4).Uniform(s.Images, -2, 2)
			s.Features = features(t, dev, st, m, s.Images, dims)

			plain := write(t, b)
			b.Dense = true
			path := filepath.Join(t.TempDir(), "dense.onnx")
			dense := writeTo(t, path, b)
			outputs, err := b.Outputs()
			if err != nil || fmt.Sprint(outputs) != fmt.Sprintf("[features [N 32] %s]", c.output) {
				t.Fatalf("outputs %v, %v, want features and %s", outputs, err, c.output)
			}
			s.Dense = denseOf(t, dev, st, m, s.Images, dims)
			v, err := onnx{}.Verify(path, b, s)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range runtimes(t) {
				for k, a := range v.Agreements[2*i : 2*i+2] {
					if a.Runtime != r.Name() || a.Output != outputs[k].Name || a.Images != 3 || a.MaxAbsDiff > 1e-5 {
						t.Errorf("%+v: want %s of %s within 1e-5", a, outputs[k].Name, r.Name())
					}
				}
				one, _, err1 := r.Run(plain, s.Images, dims)
				two, _, err2 := r.Run(dense, s.Images, dims)
				if err1 != nil || err2 != nil || !slices.Equal(one[0], two[0]) {
					t.Errorf("%s: the first output is %v of a file without and %v of one with a second output: %v, %v", r.Name(), one, two, err1, err2)
				}
			}
			s.Dense[len(s.Dense)-1] += 0.5
			if _, err := (onnx{}).Verify(path, b, s); err == nil || !strings.Contains(err.Error(), outputs[1].Name+" of onnx-go differ from the device's by 5.0e-01") {
				t.Errorf("another last value: %v, want an error that names %s", err, outputs[1].Name)
			}
		})
	}
}

func TestOnlyNetworksHaveDenseOutputs(t *testing.T) {
	_, err := Trace(Backbone{Store: kernels.NewStore(nil), Module: maxPool{}, Height: 9, Width: 9, Channels: 2, Dense: true})
	if err == nil || !strings.Contains(err.Error(), "no dense features") {
		t.Errorf("%v, want a refusal", err)
	}
}

// denseOf runs the feature map or the tokens of a backbone on the device, whose last axis is a multiple of 4.
func denseOf(t *testing.T, dev *vk.Device, st *kernels.Store, m net.Backbone, x []float32, dims []int) []float32 {
	t.Helper()
	width := 0
	flat := module(func(x *kernels.Tensor) *kernels.Tensor {
		y := m.Map(x, net.Eval)
		width = y.Rows() / y.Dim(0) * y.Width()
		return kernels.Reshape(y, y.Dim(0), width)
	})
	if _, err := kernels.TraceOps(st, func(g *kernels.Graph) { flat(g.Input("image", kernels.F32, 1, dims[2], dims[3], dims[1])) }); err != nil {
		t.Fatal(err)
	}
	return outputs(t, dev, st, flat, width, x, dims)
}

// Opset 13 has no LayerNormalization. The decomposed norm is read by both runtimes, in files that state the version.
func TestRuntimesAgreeWithTheDeviceOnOpset13(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, c := range denseCases(t)[3:] { // those with layer norms
		t.Run(c.output, func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			m := randomNet(t, st, c.config)
			file := write(t, Backbone{Store: st, Module: m, Height: c.h, Width: c.w, Channels: c.config.Channels, Opset: 13, Dense: true})
			model, err := Unmarshal(file)
			if err != nil {
				t.Fatal(err)
			}
			if model.Opset != 13 || !strings.HasPrefix(string(file), "\x08\x07") {
				t.Errorf("opset %d and %q, want 13 and IR version 7", model.Opset, file[:2])
			}
			if slices.ContainsFunc(model.Nodes, func(n Node) bool { return n.Op == "LayerNormalization" }) {
				t.Error("the file has a LayerNormalization")
			}
			checkNames(t, st, file)
			dims := []int{3, c.config.Channels, c.h, c.w}
			x := make([]float32, 3*c.config.Channels*c.h*c.w)
			rng.New(4).Uniform(x, -2, 2)
			want := features(t, dev, st, m, x, dims)
			for _, r := range runtimes(t) {
				if a, err := Compare(file, x, dims, want, r); err != nil || a.MaxAbsDiff > 1e-5 {
					t.Errorf("%+v, %v: want within 1e-5", a, err)
				}
			}
		})
	}
}

// write returns the bytes of the ONNX file of b.
func write(t *testing.T, b Backbone) []byte {
	t.Helper()
	return writeTo(t, filepath.Join(t.TempDir(), "x.onnx"), b)
}

func writeTo(t *testing.T, path string, b Backbone) []byte {
	t.Helper()
	if err := (onnx{}).Write(path, b); err != nil {
		t.Fatal(err)
	}
	file, err := net.ReadFile(path, MaxModel)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
