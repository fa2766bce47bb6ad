package export

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/marr-ssl/marr/net"
)

// onnx writes the graph of a backbone with its weights.
type onnx struct{}

func (onnx) Name() string       { return "ONNX" }
func (onnx) NeedsSamples() bool { return true }

func (onnx) Write(path string, b Backbone) error {
	m, err := Trace(b)
	if err == nil && b.AnySize {
		err = freeSize(m, b)
	}
	if err != nil {
		return err
	}
	m.Producer, m.Metadata = "marr", b.Metadata
	return WriteFile(path, m)
}

// ErrFixedSize is the error of a Backbone with AnySize whose graph depends on the size of the images, such as that of a vision transformer.
var ErrFixedSize = errors.New("the graph of this network depends on the size of the images, because of its positions: export it for one size")

// freeSize makes height and width of the image of m symbolic. It is an ErrFixedSize if the graph of b depends on them.
func freeSize(m *Model, b Backbone) error {
	b.Height, b.Width = 2*b.Height, 2*b.Width+1
	larger, err := Trace(b)
	if err != nil {
		return err
	}
	constants := func(m *Model) (out []Tensor) {
		for _, t := range m.Initializers {
			if t.Int64 != nil {
				out = append(out, t)
			}
		}
		return out
	}
	if !reflect.DeepEqual(m.Nodes, larger.Nodes) || !reflect.DeepEqual(constants(m), constants(larger)) {
		return fmt.Errorf("export: %w", ErrFixedSize)
	}
	m.Inputs[0].Dims[2], m.Inputs[0].Dims[3] = Dim{Symbol: "height"}, Dim{Symbol: "width"}
	return nil
}

// Read returns the initializers. Size is the side of the image input, if that is square and fixed.
func (onnx) Read(path string) (*net.Weights, error) {
	m, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	w := &net.Weights{Path: path, Metadata: m.Metadata}
	for _, t := range m.Initializers {
		if t.Float32 != nil {
			w.Tensors = append(w.Tensors, net.FromFloat32s(t.Name, t.Dims, t.Float32))
		}
	}
	if d := m.Inputs[0].Dims; len(d) == 4 && d[2].Size == d[3].Size {
		w.Size = d[2].Size
	}
	return w, nil
}

// tolerance is the largest accepted difference between a value from a runtime and from the device, relative to the largest value of the output if that
// is above 1: rounding errors grow with the numbers that the residual connections of a deep network add up.
const tolerance = 1e-4

// Verify evaluates the file on the images with every runtime that is present and compares every output with the device's.
func (onnx) Verify(path string, b Backbone, s Samples) (Verification, error) {
	raw, err := net.ReadFile(path, MaxModel)
	if err != nil {
		return Verification{}, fmt.Errorf("export: verify: %w", err)
	}
	n := len(s.Images) / (b.Channels * b.Height * b.Width)
	if n < 1 || len(s.Features) == 0 {
		return Verification{}, fmt.Errorf("export: verify %s: %d images and %d features: give at least one image with its features", path, n, len(s.Features))
	}
	b.AnySize = false // the images are of one size
	outputs, err := b.Outputs()
	if err != nil {
		return Verification{}, err
	}
	want := []expected{{outputs[0], s.Features}}
	if b.Dense {
		dense := expected{outputs[1], s.Dense}
		if d := dense.output.dims(n); dense.output.Name == FeatureMap && len(s.Dense) > 0 {
			_, dense.values = net.ToTorch([]int{n, d[2], d[3], d[1]}, s.Dense)
		}
		want = append(want, dense)
	}
	present, absent := Runtimes()
	v := Verification{Absent: absent}
	for _, r := range present {
		agreements, err := compare(raw, s.Images, []int{n, b.Channels, b.Height, b.Width}, want, r)
		if err != nil {
			return Verification{}, err
		}
		for i, a := range agreements {
			if limit := tolerance * max(1, largest(want[i].values)); !(a.MaxAbsDiff <= limit) {
				return Verification{}, fmt.Errorf("export: verify %s: %s of %s differ from the device's by %.1e, more than %.1g: this is a bug of the export or of a kernel: please report it",
					path, a.Output, a.Runtime, a.MaxAbsDiff, limit)
			}
		}
		v.Agreements = append(v.Agreements, agreements...)
	}
	return v, nil
}

func largest(values []float32) (most float64) {
	for _, v := range values {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}
