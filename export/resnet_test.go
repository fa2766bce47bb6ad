package export

import (
	"fmt"
	"math"
	"slices"

	"github.com/marr-ssl/marr/kernels/rng"
)

// testNet builds a small ResNet with random weights twice: as a Model, and as a list of float64 steps that evaluate it. Like the exported
// backbones, it has a stem with max-pool, a block with an identity shortcut and one with a 1×1 shortcut, global average pool, flatten and a
// linear head.
type testNet struct {
	m     Model
	src   *rng.Source
	steps []func(v map[string]*plain)
}

// plain is a float64 value, row-major.
type plain struct {
	dims []int
	v    []float64
}

// newTestNet builds the network for images [3 size size] with features of the given width; seed selects its weights.
func newTestNet(seed uint64, size, width int) *testNet {
	t := &testNet{src: rng.New(seed)}
	t.m = Model{
		Producer: "marr", Version: "test",
		Inputs:   []Value{{Name: "image", Type: Float32, Dims: Batch(3, size, size)}},
		Outputs:  []Value{{Name: "features", Type: Float32, Dims: Batch(width)}},
		Metadata: map[string]string{"mean": "0.5", "arch": "test", "std": "0.25"},
	}
	x := t.maxPool(t.relu(t.bn(t.conv("image", "conv1", 3, 8, 3, 1), "bn1", 8), "relu1"), "maxpool")
	y := t.relu(t.bn(t.conv(x, "layer1.0.conv1", 8, 8, 3, 1), "layer1.0.bn1", 8), "layer1.0.relu1")
	y = t.bn(t.conv(y, "layer1.0.conv2", 8, 8, 3, 1), "layer1.0.bn2", 8)
	x = t.relu(t.add(x, y, "layer1.0.add"), "layer1.0.relu2")
	y = t.relu(t.bn(t.conv(x, "layer2.0.conv1", 8, 12, 3, 2), "layer2.0.bn1", 12), "layer2.0.relu1")
	y = t.bn(t.conv(y, "layer2.0.conv2", 12, 12, 3, 1), "layer2.0.bn2", 12)
	s := t.bn(t.conv(x, "layer2.0.downsample.0", 8, 12, 1, 2), "layer2.0.downsample.1", 12)
	x = t.relu(t.add(y, s, "layer2.0.add"), "layer2.0.relu2")
	t.head(x, "fc", 12, width)
	return t
}

func (t *testNet) weight(name string, lo, hi float64, dims ...int) []float64 {
	n := 1
	for _, d := range dims {
		n *= d
	}
	w := Tensor{Name: name, Dims: dims, Float32: make([]float32, n)}
	t.src.Uniform(w.Float32, lo, hi)
	t.m.Initializers = append(t.m.Initializers, w)
	wide := make([]float64, n)
	for i, v := range w.Float32 {
		wide[i] = float64(v)
	}
	return wide
}

func (t *testNet) node(op, name string, inputs []string, attrs ...Attr) string {
	out := name + "_out"
	t.m.Nodes = append(t.m.Nodes, Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{out}, Attrs: attrs})
	return out
}

func (t *testNet) conv(x, name string, ci, co, k, stride int) string {
	bound := math.Sqrt(6 / float64(ci*k*k)) // keeps the variance through a ReLU
	w, pad := t.weight(name+".weight", -bound, bound, co, ci, k, k), k/2
	out := t.node("Conv", name, []string{x, name + ".weight"}, Ints("dilations", 1, 1), Int("group", 1), Ints("kernel_shape", k, k),
		Ints("pads", pad, pad, pad, pad), Ints("strides", stride, stride))
	t.steps = append(t.steps, func(v map[string]*plain) { v[out] = plainConv(v[x], w, co, k, stride, pad) })
	return out
}

func (t *testNet) bn(x, name string, c int) string {
	const eps = 1e-5
	scale, shift := t.weight(name+".weight", 0.5, 1.5, c), t.weight(name+".bias", -0.5, 0.5, c)
	mean, variance := t.weight(name+".running_mean", -0.5, 0.5, c), t.weight(name+".running_var", 0.5, 2, c)
	out := t.node("BatchNormalization", name, []string{x, name + ".weight", name + ".bias", name + ".running_mean", name + ".running_var"},
		Float("epsilon", eps), Float("momentum", 0.9))
	t.steps = append(t.steps, func(v map[string]*plain) {
		y := &plain{v[x].dims, make([]float64, len(v[x].v))}
		hw := y.dims[2] * y.dims[3]
		for i, e := range v[x].v {
			k := i / hw % c
			y.v[i] = (e-mean[k])/math.Sqrt(variance[k]+float64(float32(eps)))*scale[k] + shift[k]
		}
		v[out] = y
	})
	return out
}

func (t *testNet) relu(x, name string) string {
	out := t.node("Relu", name, []string{x})
	t.steps = append(t.steps, func(v map[string]*plain) {
		y := &plain{v[x].dims, make([]float64, len(v[x].v))}
		for i, e := range v[x].v {
			y.v[i] = math.Max(e, 0)
		}
		v[out] = y
	})
	return out
}

// maxPool is the max-pool of torchvision's stem: 3×3, stride 2, padding 1.
func (t *testNet) maxPool(x, name string) string {
	out := t.node("MaxPool", name, []string{x}, Int("ceil_mode", 0), Ints("dilations", 1, 1), Ints("kernel_shape", 3, 3), Ints("pads", 1, 1, 1, 1), Ints("strides", 2, 2))
	t.steps = append(t.steps, func(v map[string]*plain) {
		h, w := v[x].dims[2], v[x].dims[3]
		oh, ow := (h-1)/2+1, (w-1)/2+1
		y := &plain{dims: []int{v[x].dims[0], v[x].dims[1], oh, ow}}
		for i := range v[x].dims[0] * v[x].dims[1] * oh * ow {
			plane, r, q := v[x].v[i/(oh*ow)*h*w:], i/ow%oh*2, i%ow*2
			top := math.Inf(-1)
			for a := max(r-1, 0); a <= min(r+1, h-1); a++ {
				top = max(top, slices.Max(plane[a*w+max(q-1, 0):a*w+min(q+1, w-1)+1]))
			}
			y.v = append(y.v, top)
		}
		v[out] = y
	})
	return out
}

func (t *testNet) add(a, b, name string) string {
	out := t.node("Add", name, []string{a, b})
	t.steps = append(t.steps, func(v map[string]*plain) {
		y := &plain{v[a].dims, make([]float64, len(v[a].v))}
		for i := range y.v {
			y.v[i] = v[a].v[i] + v[b].v[i]
		}
		v[out] = y
	})
	return out
}

// head is global average pool, flatten and a linear layer; its result is the model's output.
func (t *testNet) head(x, name string, ci, co int) {
	flat := t.node("Flatten", "flatten", []string{t.node("GlobalAveragePool", "avgpool", []string{x})}, Int("axis", 1))
	w, b := t.weight(name+".weight", -0.5, 0.5, co, ci), t.weight(name+".bias", -0.5, 0.5, co)
	t.node("Gemm", name, []string{flat, name + ".weight", name + ".bias"}, Float("alpha", 1), Float("beta", 1), Int("transA", 0), Int("transB", 1))
	t.m.Nodes[len(t.m.Nodes)-1].Outputs[0] = "features"
	t.steps = append(t.steps, func(v map[string]*plain) {
		n, hw := v[x].dims[0], v[x].dims[2]*v[x].dims[3]
		y := &plain{[]int{n, co}, make([]float64, n*co)}
		for i := range n {
			for o := range co {
				y.v[i*co+o] = b[o]
				for c := range ci {
					mean := 0.0
					for _, e := range v[x].v[(i*ci+c)*hw:][:hw] {
						mean += e / float64(hw)
					}
					y.v[i*co+o] += w[o*ci+c] * mean
				}
			}
		}
		v["features"] = y
	})
}

// eval evaluates the network in float64.
func (t *testNet) eval(x []float32, dims []int) *plain {
	in := &plain{dims, make([]float64, len(x))}
	for i, v := range x {
		in.v[i] = float64(v)
	}
	v := map[string]*plain{"image": in}
	for _, step := range t.steps {
		step(v)
	}
	return v["features"]
}

// plainConv computes a convolution by its definition, with a k×k kernel, equal strides and equal pads.
func plainConv(x *plain, w []float64, co, k, stride, pad int) *plain {
	n, ci, h, wd := x.dims[0], x.dims[1], x.dims[2], x.dims[3]
	oh, ow := (h+2*pad-k)/stride+1, (wd+2*pad-k)/stride+1
	y := &plain{dims: []int{n, co, oh, ow}}
	for i := range n * co * oh * ow {
		img, o, r, q := i/(co*oh*ow), i/(oh*ow)%co, i/ow%oh, i%ow
		s := 0.0
		for c := range ci {
			for a := range k {
				for b := range k {
					if u, v := r*stride-pad+a, q*stride-pad+b; u >= 0 && v >= 0 && u < h && v < wd {
						s += x.v[((img*ci+c)*h+u)*wd+v] * w[((o*ci+c)*k+a)*k+b]
					}
				}
			}
		}
		y.v = append(y.v, s)
	}
	return y
}

// testImages draws n images [3 size size] in the range of normalized pixels.
func testImages(seed uint64, n, size int) ([]float32, []int) {
	x := make([]float32, n*3*size*size)
	rng.New(seed, 1).Uniform(x, -2, 2)
	return x, []int{n, 3, size, size}
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

func mustMarshal(t interface{ Fatal(...any) }, m *Model) []byte {
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(fmt.Sprint("marshal: ", err))
	}
	return b
}
