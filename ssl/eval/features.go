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
	Labels []int32   // [N], classes counted from 0
}

// maxClasses bounds labels, so that a corrupt label is an error and does not allocate gigabytes for a classifier.
const maxClasses = 1 << 16

// Normalize divides every row by its L2 norm, in place. A row of zeros stays as it is.
func (f *Features) Normalize() {
	for i := range f.N {
		scaleTo(f.X[i*f.D:(i+1)*f.D], f.X[i*f.D:(i+1)*f.D], 1)
	}
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

// FeatureStd returns the spread of features, which detects collapse without labels:
//
//	√D · mean over coordinates of the standard deviation over images of x/‖x‖₂
//
// with n − 1 in the deviation. Features spread evenly over the sphere give about 1, features that all point the same way give 0
// (lightly's debug.std_of_l2_normalized, there without the √D; Chen and He 2021, arXiv:2011.10566, section 4.1). Fewer than two
// images give 0. Labels are not used. A NaN among the features gives NaN.
func FeatureStd(f *Features) float64 {
	if f.N < 2 {
		return 0
	}
	m := normalized(f, 1)
	sum, square := make([]float64, f.D), make([]float64, f.D)
	for i := range m.n {
		for j, v := range m.row(i)[:f.D] {
			sum[j] += float64(v)
			square[j] += float64(v) * float64(v)
		}
	}
	var total float64
	for j := range sum {
		mean := sum[j] / float64(f.N)
		total += math.Sqrt(max(0, square[j]-mean*sum[j]) / float64(f.N-1))
	}
	return total / math.Sqrt(float64(f.D))
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
		if y < 0 || y >= maxClasses {
			return fmt.Errorf("eval: %s: image %d has label %d: expected 0 to %d, -1 stands for none: evaluation needs a label for every image",
				set, i, y, maxClasses-1)
		}
	}
	return f.finite(set)
}

// finite returns an error that names the first feature that is not finite.
func (f *Features) finite(set string) error {
	for i, v := range f.X {
		if v-v != 0 { // NaN and the infinities
			return fmt.Errorf("eval: %s: feature %d of image %d is %v: the network that made it has diverged", set, i%f.D, i/f.D, v)
		}
	}
	return nil
}

// checkPair checks both sets, that their widths are equal, and that every class of the test set occurs in the train set. It returns the
// number of classes.
func checkPair(train, test *Features) (classes int, err error) {
	if err := train.check("train"); err != nil {
		return 0, err
	}
	if err := test.check("test"); err != nil {
		return 0, err
	}
	if train.D != test.D {
		return 0, fmt.Errorf("eval: train set %s has width %d, test set %s %d: features of one network are needed", train.Name, train.D, test.Name, test.D)
	}
	var inTrain [maxClasses]bool
	for _, y := range train.Labels {
		inTrain[y] = true
		classes = max(classes, int(y)+1)
	}
	for i, y := range test.Labels {
		if !inTrain[y] {
			return 0, fmt.Errorf("eval: test set %s: image %d has label %d: no image of train set %s has it", test.Name, i, y, train.Name)
		}
	}
	return classes, nil
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
