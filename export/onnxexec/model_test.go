package onnxexec_test

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/export/onnxexec"
	"github.com/marr-ssl/marr/kernels/rng"
)

// resNet10 returns the backbone of the demo with random weights: a ResNet-10 of width 16 with the strided stem, for images [3 32 32].
func resNet10(t testing.TB) []byte {
	m := export.Model{
		Inputs:  []export.Value{{Name: "image", Type: export.Float32, Dims: export.Batch(3, 32, 32)}},
		Outputs: []export.Value{{Name: "features", Type: export.Float32, Dims: export.Batch(128)}},
	}
	src := rng.New(4)
	weight := func(name string, lo, hi float64, dims ...int) string {
		n := 1
		for _, d := range dims {
			n *= d
		}
		w := export.Tensor{Name: name, Dims: dims, Float32: make([]float32, n)}
		src.Uniform(w.Float32, lo, hi)
		m.Initializers = append(m.Initializers, w)
		return name
	}
	node := func(op, name string, attrs []export.Attr, inputs ...string) string {
		m.Nodes = append(m.Nodes, export.Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{name}, Attrs: attrs})
		return name
	}
	unit := func(x, name string, ci, co, k, stride int) string {
		p := k / 2
		y := node("Conv", name+".conv", []export.Attr{export.Ints("dilations", 1, 1), export.Int("group", 1), export.Ints("kernel_shape", k, k),
			export.Ints("pads", p, p, p, p), export.Ints("strides", stride, stride)}, x, weight(name+".weight", -0.1, 0.1, co, ci, k, k))
		return node("BatchNormalization", name+".bn", []export.Attr{export.Float("epsilon", 1e-5), export.Float("momentum", 0.9)}, y,
			weight(name+".scale", 0.5, 1.5, co), weight(name+".shift", -0.5, 0.5, co), weight(name+".mean", -0.5, 0.5, co), weight(name+".var", 0.5, 2, co))
	}
	x, ci := node("Relu", "stem.relu", nil, unit("image", "stem", 3, 16, 3, 2)), 16
	for i, co := range []int{16, 32, 64, 128} {
		name, stride, skip := "layer"+string(rune('1'+i)), min(i, 1)+1, x
		y := unit(node("Relu", name+".relu1", nil, unit(x, name+".a", ci, co, 3, stride)), name+".b", co, co, 3, 1)
		if ci != co {
			skip = unit(x, name+".skip", ci, co, 1, stride)
		}
		x, ci = node("Relu", name+".relu2", nil, node("Add", name+".add", nil, y, skip)), co
	}
	node("Flatten", "features", []export.Attr{export.Int("axis", 1)}, node("GlobalAveragePool", "pool", nil, x))
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func images(n int) ([]float32, []int) {
	x := make([]float32, n*3*32*32)
	rng.New(6).Uniform(x, -2, 2)
	return x, []int{n, 3, 32, 32}
}

func TestOutputsAreChosenByName(t *testing.T) {
	m, err := onnxexec.Load(resNet10(t))
	if err != nil {
		t.Fatal(err)
	}
	x, dims := images(1)
	first, _, err := m.Run(x, dims)
	if err != nil {
		t.Fatal(err)
	}
	twice, shapes, err := m.Outputs(x, dims, "features", "features")
	if err != nil || len(shapes) != 2 || !slices.Equal(twice[0], first) || !slices.Equal(twice[1], first) {
		t.Errorf("%v, %v: want the features twice", shapes, err)
	}
	if _, _, err := m.Outputs(x, dims, "tokens"); err == nil || !strings.Contains(err.Error(), "no output tokens") {
		t.Errorf("an unknown output: %v", err)
	}
}

func TestResultDoesNotDependOnProcessorsOrBatch(t *testing.T) {
	m, err := onnxexec.Load(resNet10(t))
	if err != nil {
		t.Fatal(err)
	}
	x, dims := images(3)
	want, shape, err := m.Run(x, dims)
	if err != nil || !slices.Equal(shape, []int{3, 128}) {
		t.Fatal(shape, err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for i := range 3 {
		one, _, err := m.Run(x[i*3072:(i+1)*3072], []int{1, 3, 32, 32})
		if err != nil || !slices.Equal(one, want[i*128:(i+1)*128]) {
			t.Errorf("image %d alone on one processor differs: %v", i, err)
		}
	}
}

func TestModelIsSafeForConcurrentUse(t *testing.T) {
	m, err := onnxexec.Load(resNet10(t))
	if err != nil {
		t.Fatal(err)
	}
	x, dims := images(1)
	want, _, err := m.Run(x, dims)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got, _, err := m.Run(x, dims); err != nil || !slices.Equal(got, want) {
				t.Errorf("a concurrent run differs: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestResultSharesNoMemoryWithTheInput(t *testing.T) {
	c := opCase{op: "Identity", dims: []int{2}, x: []float32{1, 2}, wantDims: []int{2}}
	model, x := c.build(t)
	y, dims, err := onnxexec.Run(model, x, c.dims)
	if err != nil {
		t.Fatal(err)
	}
	y[0], dims[0] = 7, 9
	if x[0] != 1 || c.dims[0] != 2 {
		t.Error("writing to the result changed the input")
	}
}

func TestInputMustMatchTheModel(t *testing.T) {
	model := resNet10(t)
	for _, c := range []struct {
		dims    []int
		n       int
		message string
	}{
		{[]int{1, 3, 16, 32}, 3 * 16 * 32, "fixed dimensions are [3 32 32]"},
		{[]int{1, 1, 32, 32}, 32 * 32, "fixed dimensions"},
		{[]int{3, 32, 32}, 3 * 32 * 32, "want [N C H W]"},
		{[]int{1, 3, 32, 32}, 7, "7 input values"},
		{[]int{0, 3, 32, 32}, 0, "at least 1"},
		{nil, 1, "fixed dimensions"},
	} {
		if _, _, err := onnxexec.Run(model, make([]float32, c.n), c.dims); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("dims %v: %v: want %q", c.dims, err, c.message)
		}
	}
}

func TestOldOperatorSetsAreRejected(t *testing.T) {
	model := resNet10(t)
	i := bytes.LastIndex(model, []byte{0x42, 0x04, 0x0a, 0x00, 0x10, 17}) // opset_import, the last field of a file without metadata
	old := bytes.Clone(model)
	old[i+5] = 12
	if _, err := onnxexec.Load(old); err == nil || !strings.Contains(err.Error(), "opset 12") {
		t.Errorf("opset 12: %v", err)
	}
	if _, err := onnxexec.Load(model[:i]); err == nil || !strings.Contains(err.Error(), "no operator set version") {
		t.Errorf("no opset: %v", err)
	}
}

func TestDamagedFilesNeverPanic(t *testing.T) {
	c := opCase{op: "Conv", dims: []int{1, 2, 4, 4}, weights: []export.Tensor{draw(1, 2, 2, 3, 3)}, wantDims: []int{1, 2, 2, 2},
		attrs: []export.Attr{export.Ints("kernel_shape", 3, 3), export.Ints("pads", 0, 0, 0, 0), export.Ints("strides", 1, 1), export.Ints("dilations", 1, 1), export.Int("group", 1)}}
	model, x := c.build(t)
	for n := range len(model) {
		if _, _, err := onnxexec.Run(model[:n], x, c.dims); err == nil {
			t.Errorf("a file cut to %d of %d bytes was evaluated", n, len(model))
		}
		for _, flip := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(model)
			b[n] ^= flip
			_, _, _ = onnxexec.Run(b, x, c.dims)
		}
	}
}

// BenchmarkResNet10 reports images per second of the demo's backbone.
func BenchmarkResNet10(b *testing.B) {
	m, err := onnxexec.Load(resNet10(b))
	if err != nil {
		b.Fatal(err)
	}
	x, dims := images(64)
	for b.Loop() {
		if _, _, err := m.Run(x, dims); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "images/s")
}
