package eval

import (
	"fmt"
	"math"
)

// Features are the representations of a labeled set, one row per image.
type Features struct {
	Name   string    // of the set, for errors; may be empty
	N, D   int       // images, width of a feature
	X      []float32 // [N D]
	Labels []int32   // [N], at least 0
}

// scaleTo writes src·scale/‖src‖₂ to dst; zeros stay zeros.
func scaleTo(dst, src []float32, scale float64) {
	var sum float64
	for _, v := range src {
		sum += float64(v) * float64(v)
	}
	if sum > 0 {
		scale /= math.Sqrt(sum)
	}
	for i, v := range src {
		dst[i] = float32(float64(v) * scale)
	}
}

// check returns an error for features that cannot be evaluated. role is train or test.
func (f *Features) check(role string) error {
	set := role + " set"
	if f.Name != "" {
		set += " " + f.Name
	}
	if len(f.Labels) == 0 && f.N > 0 {
		return fmt.Errorf("eval: %s: no labels: evaluation needs one for every image", set)
	}
	if f.N < 1 || f.D < 1 || len(f.X) != f.N*f.D || len(f.Labels) != f.N {
		return fmt.Errorf("eval: %s: %d images of width %d with %d numbers and %d labels: expected N·D numbers and N labels, N and D at least 1",
			set, f.N, f.D, len(f.X), len(f.Labels))
	}
	for i, y := range f.Labels {
		if y < 0 {
			return fmt.Errorf("eval: %s: image %d has label %d, which stands for none: evaluation needs a label for every image", set, i, y)
		}
	}
	return f.finite(set)
}

// Normalize divides each row of x [N width] by its L2 norm, in place; zeros stay zeros.
func Normalize(x []float32, width int) {
	for i := 0; i < len(x); i += width {
		scaleTo(x[i:i+width], x[i:i+width], 1)
	}
}

// checkValues returns an error for features that the operation op cannot compare. Labels do not matter.
func (f *Features) checkValues(op string) error {
	if f.N < 1 || f.D < 1 || len(f.X) != f.N*f.D {
		return fmt.Errorf("eval: %s: set %s: %d images of width %d with %d numbers: expected N·D, N and D at least 1", op, f.Name, f.N, f.D, len(f.X))
	}
	return f.finite("set " + f.Name)
}

// finite returns an error that names the first feature that is not finite.
func (f *Features) finite(set string) error { return checkFinite(set, f.X, f.D, 0) }

// checkFinite returns an error that names the first of some features [n D] that is not finite. They begin with the image `first` of a set.
func checkFinite(set string, x []float32, d, first int) error {
	for i, v := range x {
		if v-v != 0 { // NaN and the infinities
			return fmt.Errorf("eval: %s: feature %d of image %d is %v: the network that made it has diverged", set, i%d, first+i/d, v)
		}
	}
	return nil
}

// matrix is a float32 copy for the inner loops. Rows are padded with zeros to multiples of 16 numbers: gonum's dot product groups its
// terms by the address of its arguments modulo 16 bytes. With every row on such a boundary the grouping, and so the bits of a result,
// are the same everywhere.
type matrix struct {
	n, stride int
	x         []float32
}

func newMatrix(n, d int) *matrix {
	stride := (d + 15) / 16 * 16
	return &matrix{n, stride, make([]float32, n*stride)}
}

func (m *matrix) row(i int) []float32 { return m.x[i*m.stride : (i+1)*m.stride] }

// normalized returns a copy of f whose rows have the L2 norm scale.
func normalized(f *Features, scale float64) *matrix {
	m := newMatrix(f.N, f.D)
	for i := range f.N {
		scaleTo(m.row(i)[:f.D], f.X[i*f.D:(i+1)*f.D], scale)
	}
	return m
}
