package export

import (
	"fmt"
	"math"

	"marr/export/onnxexec"
	"marr/export/ort"
)

// Judge evaluates an ONNX file on images x [dims], dims being N C H W: the first output and its dims come back.
type Judge interface {
	Name() string
	Run(model []byte, x []float32, dims []int) ([]float32, []int, error)
}

// Report says how far a judge's features lie from those expected.
type Report struct {
	Judge      string
	Images     int
	MaxAbsDiff float64 // largest |got − want| over all images and features
	CosineMin  float64 // smallest cosine between got and want of an image; two zero vectors count as 1, one as 0
}

// checkBatch is the number of images a judge gets at once: it bounds the memory of large checks.
const checkBatch = 64

// Judges returns the readers of ONNX files that this machine has, onnx-go first, and why each of the others is absent.
func Judges() (present []Judge, absent []error) {
	present = []Judge{onnxGo{}}
	if rt, err := ort.Open(); err != nil {
		absent = append(absent, err)
	} else {
		present = append(present, rt)
	}
	return present, absent
}

// onnxGo is the onnx-go decoder over our own backend.
type onnxGo struct{}

func (onnxGo) Name() string { return "onnx-go" }
func (onnxGo) Run(model []byte, x []float32, dims []int) ([]float32, []int, error) {
	return onnxexec.Run(model, x, dims)
}

// Check runs an ONNX file through a judge on the images x [N C H W] and compares its output with the features want [N D]. It reports the
// distance and leaves to the caller what is near enough. Errors: sizes that do not fit each other, a judge that fails or answers in
// another shape than [n D], and values that are not finite on either side.
func Check(model []byte, x []float32, dims []int, want []float32, j Judge) (Report, error) {
	r := Report{Judge: j.Name(), CosineMin: 1}
	fail := func(format string, a ...any) (Report, error) {
		return Report{}, fmt.Errorf("export: check with %s: %w", j.Name(), fmt.Errorf(format, a...))
	}
	if len(dims) != 4 || min(dims[0], dims[1], dims[2], dims[3]) < 1 {
		return fail("image dims %v: want N C H W, each at least 1", dims)
	}
	n, each := dims[0], dims[1]*dims[2]*dims[3]
	if len(x) != n*each {
		return fail("%d pixel values for dims %v: want %d", len(x), dims, n*each)
	}
	if len(want) == 0 || len(want)%n != 0 {
		return fail("%d expected feature values for %d images: want the same number, at least 1, for each", len(want), n)
	}
	width := len(want) / n
	for lo := 0; lo < n; lo += checkBatch {
		hi := min(lo+checkBatch, n)
		got, shape, err := j.Run(model, x[lo*each:hi*each], []int{hi - lo, dims[1], dims[2], dims[3]})
		if err != nil {
			return fail("%w", err)
		}
		if len(shape) != 2 || shape[0] != hi-lo || shape[1] != width || len(got) != (hi-lo)*width {
			return fail("the model answers with %d values of dims %v: want dims [%d %d]", len(got), shape, hi-lo, width)
		}
		for i := lo; i < hi; i++ {
			if err := r.add(got[(i-lo)*width:][:width], want[i*width:][:width]); err != nil {
				return fail("image %d: %w", i, err)
			}
		}
	}
	return r, nil
}

// add takes one image's features into the report.
func (r *Report) add(got, want []float32) error {
	var dot, gg, ww float64
	for k := range want {
		g, w := float64(got[k]), float64(want[k])
		d := math.Abs(g - w)
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return fmt.Errorf("feature %d: the model says %v, expected was %v: both must be finite", k, g, w)
		}
		r.MaxAbsDiff = max(r.MaxAbsDiff, d)
		dot, gg, ww = dot+g*w, gg+g*g, ww+w*w
	}
	cos := 0.0
	switch {
	case gg == 0 && ww == 0:
		cos = 1
	case gg > 0 && ww > 0:
		cos = min(dot/(math.Sqrt(gg)*math.Sqrt(ww)), 1)
	}
	r.CosineMin = min(r.CosineMin, cos)
	r.Images++
	return nil
}
