package export

import (
	"fmt"
	"math"
	"slices"

	"github.com/marr-ssl/marr/export/onnxexec"
	"github.com/marr-ssl/marr/export/ort"
)

// Runtime evaluates ONNX files. Run returns the values and the dims of the named outputs for images x, whose dims are N C H W; without names, of the
// first output.
type Runtime interface {
	Name() string
	Run(model []byte, x []float32, dims []int, outputs ...string) (values [][]float32, shapes [][]int, err error)
}

// Agreement is the distance between an output of a runtime and the expected one.
type Agreement struct {
	Runtime    string
	Output     string // its name
	Images     int
	MaxAbsDiff float64 // largest |got − want| over all images and features
	CosineMin  float64 // smallest cosine between got and want of an image; two zero vectors count as 1, one as 0
}

// compareBatch is the number of images in one call of a runtime: it bounds the memory that Compare takes.
const compareBatch = 64

// Runtimes returns the ONNX runtimes that this machine has, onnx-go first, and for each of the others the reason why it is absent.
func Runtimes() (present []Runtime, absent []error) {
	present = []Runtime{onnxGo{}}
	if rt, err := ort.Open(); err != nil {
		absent = append(absent, err)
	} else {
		present = append(present, rt)
	}
	return present, absent
}

// onnxGo is the decoder of onnx-go with the backend of package onnxexec.
type onnxGo struct{}

func (onnxGo) Name() string { return "onnx-go" }
func (onnxGo) Run(model []byte, x []float32, dims []int, outputs ...string) ([][]float32, [][]int, error) {
	m, err := onnxexec.Load(model)
	if err != nil {
		return nil, nil, err
	}
	return m.Outputs(x, dims, outputs...)
}

// Compare evaluates an ONNX file on the images x [N C H W] with a runtime and compares the output with the features want [N D]. The caller
// decides which distance to accept. Errors: sizes that do not match, a runtime that fails or returns another shape than [N D], and values
// that are not finite on either side.
func Compare(model []byte, x []float32, dims []int, want []float32, rt Runtime) (Agreement, error) {
	width := 0
	if len(dims) > 0 && dims[0] > 0 {
		width = len(want) / dims[0]
	}
	a, err := compare(model, x, dims, []expected{{Value{Dims: Batch(width)}, want}}, rt)
	if err != nil {
		return Agreement{}, err
	}
	return a[0], nil
}

// expected is an output with its values for all images. An only output may be without a name, for the first of the file.
type expected struct {
	output Value
	values []float32
}

// compare is Compare for several outputs.
func compare(model []byte, x []float32, dims []int, want []expected, rt Runtime) ([]Agreement, error) {
	fail := func(format string, args ...any) ([]Agreement, error) {
		return nil, fmt.Errorf("export: compare with %s: %w", rt.Name(), fmt.Errorf(format, args...))
	}
	if len(dims) != 4 || min(dims[0], dims[1], dims[2], dims[3]) < 1 {
		return fail("image dims %v: want N C H W, each at least 1", dims)
	}
	n, each := dims[0], dims[1]*dims[2]*dims[3]
	if len(x) != n*each {
		return fail("%d pixel values for dims %v: want %d", len(x), dims, n*each)
	}
	var names []string
	var agreements []Agreement
	for _, w := range want {
		if width := w.output.width(); width == 0 || len(w.values) != n*width {
			return fail("%d expected feature values for %d images: want at least 1, and the same number for each image", len(w.values), n)
		}
		if w.output.Name != "" {
			names = append(names, w.output.Name)
		}
		agreements = append(agreements, Agreement{Runtime: rt.Name(), Output: w.output.Name, CosineMin: 1})
	}
	for lo := 0; lo < n; lo += compareBatch {
		hi := min(lo+compareBatch, n)
		got, shapes, err := rt.Run(model, x[lo*each:hi*each], []int{hi - lo, dims[1], dims[2], dims[3]}, names...)
		if err != nil {
			return fail("%w", err)
		}
		for k, w := range want {
			width := w.output.width()
			if dims := w.output.dims(hi - lo); !slices.Equal(shapes[k], dims) || len(got[k]) != (hi-lo)*width {
				return fail("the model returns %d values of dims %v: want dims %v", len(got[k]), shapes[k], dims)
			}
			for i := lo; i < hi; i++ {
				if err := agreements[k].add(got[k][(i-lo)*width:][:width], w.values[i*width:][:width]); err != nil {
					return fail("image %d: %w", i, err)
				}
			}
		}
	}
	return agreements, nil
}

// dims returns the dims of v for n images.
func (v Value) dims(n int) []int {
	dims := []int{n}
	for _, d := range v.Dims[1:] {
		dims = append(dims, d.Size)
	}
	return dims
}

// width returns the number of values of v for one image.
func (v Value) width() int {
	width := 1
	for _, d := range v.dims(1) {
		width *= d
	}
	return width
}

// add includes the features of one image.
func (a *Agreement) add(got, want []float32) error {
	var dot, gg, ww float64
	for k := range want {
		g, w := float64(got[k]), float64(want[k])
		d := math.Abs(g - w)
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return fmt.Errorf("feature %d: got %v, want %v: both must be finite", k, g, w)
		}
		a.MaxAbsDiff = max(a.MaxAbsDiff, d)
		dot, gg, ww = dot+g*w, gg+g*g, ww+w*w
	}
	cos := 0.0
	switch {
	case gg == 0 && ww == 0:
		cos = 1
	case gg > 0 && ww > 0:
		cos = min(dot/(math.Sqrt(gg)*math.Sqrt(ww)), 1)
	}
	a.CosineMin = min(a.CosineMin, cos)
	a.Images++
	return nil
}
