package export

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// resnet returns the shape of a ResNet.
func resnet(t *testing.T, arch, stem string, width, channels int, norm string) net.Config {
	t.Helper()
	c, err := net.NewConfig(arch, map[string]any{"stem": stem, "width": width}, norm, channels)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// randomNet returns a ResNet whose running statistics and scales are random too, so that no norm is the identity.
func randomNet(t *testing.T, st *kernels.Store, c net.Config) net.Backbone {
	t.Helper()
	m, err := c.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(stream uint32, shape []int, lo, hi float64) []float32 {
		v := make([]float32, shape[0])
		rng.New(9, stream).Uniform(v, lo, hi)
		return v
	}
	for i, p := range st.Params() {
		if len(p.Shape) == 1 {
			lo, hi := -0.2, 0.2
			if strings.HasSuffix(p.Name, ".weight") {
				lo, hi = 0.3, 0.9 // below 1, so that features of 50 layers stay of order 1
			}
			if err := p.Write(draw(uint32(i), p.Shape, lo, hi)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, s := range st.States() {
		if strings.HasPrefix(s.Name, "marr.") {
			continue
		}
		lo, hi := -0.1, 0.1
		if strings.HasSuffix(s.Name, ".running_var") {
			lo, hi = 0.8, 1.6
		}
		if err := s.Write(draw(uint32(i+1000), s.Shape, lo, hi)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// features runs a backbone on the device in inference mode, for images x [N C H W].
func features(t *testing.T, dev *vk.Device, st *kernels.Store, m net.Backbone, x []float32, dims []int) []float32 {
	t.Helper()
	return outputs(t, dev, st, m, m.Dim(), x, dims)
}

// outputs runs a module with outputs [N width] on the device in inference mode, for images x [N C H W].
func outputs(t *testing.T, dev *vk.Device, st *kernels.Store, m net.Module, width int, x []float32, dims []int) []float32 {
	t.Helper()
	n, c, h, w := dims[0], dims[1], dims[2], dims[3]
	prog, err := kernels.Build(dev, st, func(g *kernels.Graph) {
		g.Output("features", m.Forward(g.Input("image", kernels.F32, n, h, w, c), net.Eval))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("image"), net.FromTorch([]int{n, h, w, c}, x), c)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, n*width)
	kernels.Unpack(out, r.Output("features"), width)
	return out
}

// Features are of order 1, and float32 rounding of 6e-8 a layer grows to 1e-5 in 50 layers.
func TestRuntimesAgreeWithTheDeviceOnTracedResNets(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, c := range []net.Config{
		resnet(t, "resnet50", "imagenet", 4, 3, ""),
		resnet(t, "resnet34", "cifar", 3, 1, ""),
		resnet(t, "resnet10", "imagenet", 5, 1, ""),
		resnet(t, "resnet18", "imagenet", 16, 3, "group"),
		resnet(t, "resnet10", "strided", 5, 1, "layer"),
		resnet(t, "resnet10", "cifar", 8, 3, "none"),
		resnet(t, "resnet10", "cifar", 8, 3, "moving-mean"),
	} {
		t.Run(fmt.Sprint(c.Name, " ", c.Arch.(*net.ResNet).Stem, " ", c.Norm), func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			m := randomNet(t, st, c)
			const n, h, w = 3, 37, 34
			x := make([]float32, n*c.Channels*h*w)
			rng.New(4).Uniform(x, -2, 2)
			dims := []int{n, c.Channels, h, w}
			model, err := Trace(Backbone{Store: st, Module: m, Height: h, Width: w, Channels: c.Channels})
			if err != nil {
				t.Fatal(err)
			}
			file := mustMarshal(t, model)
			checkNames(t, st, file)
			want := features(t, dev, st, m, x, dims)
			for _, j := range runtimes(t) {
				r, err := Compare(file, x, dims, want, j)
				if err != nil {
					t.Fatal(err)
				}
				if r.MaxAbsDiff > 1e-5 || r.CosineMin < 1-1e-7 {
					t.Errorf("%+v: want within 1e-5; features begin with %v", r, want[:4])
				}
			}
		})
	}
}

// checkNames checks that the initializers are the tensors of the store, with their names and in PyTorch's layouts, and constants.
func checkNames(t *testing.T, st *kernels.Store, file []byte) {
	t.Helper()
	m, err := Unmarshal(file)
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]bool{}
	check := func(stored string, shape []int, read func() ([]float32, error)) {
		name := strings.TrimPrefix(stored, net.BackbonePrefix)
		tensors[name] = true
		v, err := read()
		if err != nil {
			t.Fatal(err)
		}
		dims, v := net.ToTorch(shape, v)
		if got, ok := m.Initializer(name); !ok || !slices.Equal(got.Dims, dims) || !slices.Equal(got.Float32, v) {
			t.Errorf("initializer %s %v is not the store's %v", name, got.Dims, dims)
		}
	}
	for _, p := range st.Params() {
		check(p.Name, p.Shape, p.Read)
	}
	for _, s := range st.States() {
		if !strings.HasPrefix(s.Name, "marr.") {
			check(s.Name, s.Shape, s.Read)
		}
	}
	for _, x := range m.Initializers {
		if constant := strings.Contains(x.Name, "_") && !strings.Contains(x.Name, "."); !constant && !tensors[x.Name] {
			t.Errorf("initializer %s %v is neither a constant nor a tensor of the store", x.Name, x.Dims)
		}
	}
}

// TestMaxPoolIsTracedAsItsONNXNode checks the attributes: their ONNX defaults are strides of 1 and pads of 0 (onnx/docs/Operators.md).
func TestMaxPoolIsTracedAsItsONNXNode(t *testing.T) {
	st := kernels.NewStore(nil)
	m, err := Trace(Backbone{Store: st, Module: maxPool{}, Height: 9, Width: 9, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := Node{"MaxPool", "maxpool_0/MaxPool", []string{"image"}, []string{"maxpool_0"}, []Attr{Int("ceil_mode", 0), Ints("kernel_shape", 5, 5),
		Ints("pads", 2, 2, 2, 2), Ints("strides", 3, 3)}}
	if !reflect.DeepEqual(m.Nodes[0], want) {
		t.Errorf("node %+v, want %+v", m.Nodes[0], want)
	}
}

type maxPool struct{}

func (maxPool) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor {
	return kernels.GlobalAvgPool(kernels.MaxPool2D(x, 5, 3, 2))
}
