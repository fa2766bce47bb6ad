package export

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/export/ort"
)

var reportOnce sync.Once

// runtimes returns the runtimes that are present, and prints once which comparison does not run.
func runtimes(t *testing.T) []Runtime {
	present, absent := Runtimes()
	for _, err := range absent {
		var missing *ort.NotPresentError
		if !errors.As(err, &missing) {
			t.Fatalf("an installed runtime cannot be used: %v", err)
		}
		reportOnce.Do(func() { println("export: the comparison with ONNX Runtime did not run:", err.Error()) })
	}
	return present
}

// Features are of order 1, and float32 rounding (6e-8) grows to about 1e-6 in five layers; 1e-5 leaves room and is a tenth of what Verify accepts.
func TestRuntimesAgreeWithFloat64Reference(t *testing.T) {
	for _, size := range []int{16, 13} {
		net := newTestNet(3, size, 10)
		model := mustMarshal(t, &net.m)
		for _, n := range []int{1, 2, 7, compareBatch + 3} {
			x, dims := testImages(uint64(n), n, size)
			want := net.eval(x, dims)
			for _, j := range runtimes(t) {
				for run := range 2 { // a second run must not depend on the first
					r, err := Compare(model, x, dims, narrow(want.v), j)
					if err != nil {
						t.Fatal(err)
					}
					if r.Runtime != j.Name() || r.Images != n {
						t.Errorf("agreement %+v: want runtime %s and %d images", r, j.Name(), n)
					}
					if r.MaxAbsDiff > 1e-5 || r.CosineMin < 1-1e-9 {
						t.Errorf("size %d, n %d, run %d: %+v: want within 1e-5", size, n, run, r)
					}
				}
			}
		}
	}
}

func TestCompareDetectsAChangedWeight(t *testing.T) {
	net := newTestNet(5, 12, 4)
	x, dims := testImages(5, 2, 12)
	want := narrow(net.eval(x, dims).v)
	w, _ := net.m.Initializer("fc.bias")
	w.Float32[2] += 0.25 // shares memory with the model
	for _, j := range runtimes(t) {
		r, err := Compare(mustMarshal(t, &net.m), x, dims, want, j)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.MaxAbsDiff-0.25) > 1e-5 || r.CosineMin > 1-1e-4 {
			t.Errorf("%+v: want a difference of 0.25 and a smaller cosine", r)
		}
	}
}

func TestAgreementIsThatOfTheWorstImage(t *testing.T) {
	r := Agreement{CosineMin: 1}
	for _, pair := range [][2][]float32{{{1, 0}, {1, 0}}, {{0, 0}, {0, 0}}, {{3, 4}, {4, 3}}, {{1, 1}, {1, 1.5}}} {
		if err := r.add(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	if r.Images != 4 || r.MaxAbsDiff != 1 || math.Abs(r.CosineMin-0.96) > 1e-12 {
		t.Errorf("%+v: want 4 images, 1, 24/25", r)
	}
	if err := r.add([]float32{0, 0}, []float32{0, 1}); err != nil || r.CosineMin != 0 {
		t.Errorf("a feature vector of zeros: %+v, %v: want cosine 0", r, err)
	}
}

// stub is a runtime that returns fixed values.
type stub struct {
	y    []float32
	dims []int
	err  error
}

func (stub) Name() string { return "stub" }
func (a stub) Run([]byte, []float32, []int, ...string) ([][]float32, [][]int, error) {
	return [][]float32{a.y}, [][]int{a.dims}, a.err
}

func TestCompareRejectsSizesThatDoNotMatch(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := stub{y: []float32{1, 2}, dims: []int{1, 2}}
	for _, c := range []struct {
		name    string
		x       int
		dims    []int
		want    []float32
		j       Runtime
		message string
	}{
		{"rank", 12, []int{1, 12}, []float32{1, 2}, good, "want N C H W"},
		{"empty", 0, []int{0, 3, 2, 2}, nil, good, "each at least 1"},
		{"pixels", 11, []int{1, 3, 2, 2}, []float32{1, 2}, good, "11 pixel values"},
		{"no features", 12, []int{1, 3, 2, 2}, nil, good, "0 expected feature values"},
		{"uneven", 24, []int{2, 3, 2, 2}, []float32{1, 2, 3}, good, "3 expected feature values for 2 images"},
		{"width", 12, []int{1, 3, 2, 2}, []float32{1, 2, 3}, good, "want dims [1 3]"},
		{"four dims", 12, []int{1, 3, 2, 2}, []float32{1, 2}, stub{y: []float32{1, 2}, dims: []int{1, 2, 1, 1}}, "want dims [1 2]"},
		{"nan", 12, []int{1, 3, 2, 2}, []float32{1, 2}, stub{y: []float32{1, nan}, dims: []int{1, 2}}, "feature 1"},
		{"inf on both sides", 12, []int{1, 3, 2, 2}, []float32{inf, 2}, stub{y: []float32{inf, 2}, dims: []int{1, 2}}, "finite"},
		{"runtime fails", 12, []int{1, 3, 2, 2}, []float32{1, 2}, stub{err: errors.New("no such op")}, "no such op"},
	} {
		r, err := Compare(nil, make([]float32, c.x), c.dims, c.want, c.j)
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.HasPrefix(err.Error(), "export: compare with stub: ") {
			t.Errorf("%s: %v: want %q", c.name, err, c.message)
		}
		if r != (Agreement{}) {
			t.Errorf("%s: an agreement beside the error: %+v", c.name, r)
		}
	}
}

func TestOnnxGoIsAlwaysPresentAndFirst(t *testing.T) {
	present, absent := Runtimes()
	if len(present)+len(absent) != 2 || present[0].Name() != "onnx-go" {
		t.Errorf("present %v, absent %v", present, absent)
	}
}

func TestRuntimesRejectBrokenFiles(t *testing.T) {
	net := newTestNet(1, 8, 4)
	good := mustMarshal(t, &net.m)
	x, dims := testImages(1, 1, 8)
	flipped := slices.Clone(good)
	flipped[2] ^= 0x55
	for _, j := range runtimes(t) {
		for name, b := range map[string][]byte{"empty": nil, "text": []byte("not a model"), "half": good[:len(good)/2], "flipped": flipped} {
			if y, _, err := j.Run(b, x, dims); err == nil {
				t.Errorf("%s accepted a file that is %s and returned %v", j.Name(), name, y)
			}
		}
		if _, _, err := j.Run(good, x[:len(x)-1], dims); err == nil {
			t.Errorf("%s accepted one pixel too few", j.Name())
		}
		if _, _, err := j.Run(good, x, []int{1, 3, 4, 16}); err == nil {
			t.Errorf("%s accepted images of another size", j.Name())
		}
	}
}
