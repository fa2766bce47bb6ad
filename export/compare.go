package export

import (
	"fmt"
	"math"

	"marr/export/onnxexec"
	"marr/export/ort"
)

// Runtime evaluates ONNX files. Run returns the first output for images x, whose dims are N C H W, and the dims of the output.
type Runtime interface {
	Name() string
	Run(model []byte, x []float32, dims []int) ([]float32, []int, error)
}

// Agreement is the distance between the features from a runtime and those expected.
type Agreement struct {
	Runtime    string
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
func (onnxGo) Run(model []byte, x []float32, dims []int) ([]float32, []int, error) {
	return onnxexec.Run(model, x, dims)
}

// Compare evaluates an ONNX file on the images x [N C H W] with a runtime and compares the output with the features want [N D]. The caller
// decides which distance to accept. Errors: sizes that do not match, a runtime that fails or returns another shape than [N D], and values
// that are not finite on either side.
func Compare(model []byte, x []float32, dims []int, want []float32, rt Runtime) (Agreement, error) {
	a := Agreement{Runtime: rt.Name(), CosineMin: 1}
	fail := func(format string, args ...any) (Agreement, error) {
		return Agreement{}, fmt.Errorf("export: compare with %s: %w", rt.Name(), fmt.Errorf(format, args...))
	}
	if len(dims) != 4 || min(dims[0], dims[1], dims[2], dims[3]) < 1 {
		return fail("image dims %v: want N C H W, each at least 1", dims)
	}
	n, each := dims[0], dims[1]*dims[2]*dims[3]
	if len(x) != n*each {
		return fail("%d pixel values for dims %v: want %d", len(x), dims, n*each)
	}
	if len(want) == 0 || len(want)%n != 0 {
		return fail("%d expected feature values for %d images: want at least 1, and the same number for each image", len(want), n)
	}
	width := len(want) / n
	for lo := 0; lo < n; lo += compareBatch {
		hi := min(lo+compareBatch, n)
		got, shape, err := rt.Run(model, x[lo*each:hi*each], []int{hi - lo, dims[1], dims[2], dims[3]})
		if err != nil {
			return fail("%w", err)
		}
		if len(shape) != 2 || shape[0] != hi-lo || shape[1] != width || len(got) != (hi-lo)*width {
			return fail("the model returns %d values of dims %v: want dims [%d %d]", len(got), shape, hi-lo, width)
		}
		for i := lo; i < hi; i++ {
			if err := a.add(got[(i-lo)*width:][:width], want[i*width:][:width]); err != nil {
				return fail("image %d: %w", i, err)
			}
		}
	}
	return a, nil
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
