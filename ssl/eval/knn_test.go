package eval

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// clusters returns n features of width d, normally distributed around one point a class.
func clusters(seed uint64, n, d, classes int, spread float64) *Features {
	f := &Features{Name: "clusters", N: n, D: d, X: make([]float32, n*d), Labels: make([]int32, n)}
	centers := make([]float32, classes*d)
	rng.New(1).Uniform(centers, -1, 1)
	src := rng.New(seed)
	for i := range n {
		y := i % classes
		f.Labels[i] = int32(y)
		for j := range d {
			f.X[i*d+j] = centers[y*d+j] + float32(spread*src.Normal())
		}
	}
	return f
}

// bruteKNN computes KNN by its definition: in float64, with a full sort.
func bruteKNN(train, test *Features, k int, temperature float64) float64 {
	cos := func(x, y []float32) float64 {
		var xy, xx, yy float64
		for i := range x {
			xy += float64(x[i]) * float64(y[i])
			xx += float64(x[i]) * float64(x[i])
			yy += float64(y[i]) * float64(y[i])
		}
		return xy / math.Sqrt(xx*yy)
	}
	right := 0
	for i := range test.N {
		type scored struct {
			s     float64
			label int32
		}
		all := make([]scored, train.N)
		for j := range all {
			all[j] = scored{cos(test.X[i*test.D:(i+1)*test.D], train.X[j*train.D:(j+1)*train.D]), train.Labels[j]}
		}
		slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.s, a.s) })
		votes := map[int32]float64{}
		for _, a := range all[:k] {
			votes[a.label] += math.Exp(a.s / temperature)
		}
		best := int32(0)
		for c := range slices.Max(train.Labels) + 1 {
			if votes[c] > votes[best] {
				best = c
			}
		}
		if best == test.Labels[i] {
			right++
		}
	}
	return 100 * float64(right) / float64(test.N)
}

// The nearest neighbor of an image is the image itself, although the classes overlap.
func TestNearestNeighborOfATrainingImageIsItself(t *testing.T) {
	f := clusters(2, 500, 7, 5, 1.5)
	got, err := KNN(t.Context(), f, f, []int{1, 20}, Temperature)
	if err != nil || got[0] != 100 || got[1] == 100 {
		t.Errorf("k = 1 gives %v %%, %v; want 100 %%, and less for k = 20", got, err)
	}
}

// Accuracies are equal, not close: on random data no two votes are within float32 rounding (1e-7) of each other.
func TestKNNMatchesBruteForce(t *testing.T) {
	for _, c := range []struct {
		n, test, d, classes int
		ks                  []int
	}{
		{1, 3, 1, 1, []int{1}},
		{300, 131, 7, 5, []int{1, 20, 300}},
		{700, 257, 33, 3, []int{20, 1, 5}}, // more than one tile of train rows is covered by the next case
		{1500, 40, 100, 10, []int{7, 200}},
	} {
		train, test := clusters(2, c.n, c.d, c.classes, 1.5), clusters(3, c.test, c.d, c.classes, 1.5)
		got, err := KNN(t.Context(), train, test, c.ks, 0.07)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range c.ks {
			if want := bruteKNN(train, test, k, 0.07); got[i] != want {
				t.Errorf("n %d, d %d, k %d: %.4f %%, want %.4f %%", c.n, c.d, k, got[i], want)
			}
		}
	}
}

func TestKNNIgnoresTheNormOfFeaturesAndDoesNotChangeThem(t *testing.T) {
	train, test := clusters(2, 200, 9, 4, 1), clusters(3, 100, 9, 4, 1)
	want, err := KNN(t.Context(), train, test, []int{1, 20}, 0.07)
	if err != nil {
		t.Fatal(err)
	}
	for i := range train.X {
		train.X[i] *= float32(int(1) << (i / train.D % 5)) // powers of two: the same bits after normalisation
	}
	before := slices.Clone(train.X)
	got, err := KNN(t.Context(), train, test, []int{1, 20}, 0.07)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("scaled rows: %v %v, want %v", got, err, want)
	}
	if !slices.Equal(train.X, before) {
		t.Fatal("KNN changed the features that it was given")
	}
}

// The first of four equal training images is the neighbor. Two votes with the same weight go to the lower label.
func TestKNNBreaksTiesByIndexThenLabel(t *testing.T) {
	train := &Features{N: 4, D: 2, X: []float32{1, 0, 1, 0, 1, 0, 1, 0}, Labels: []int32{3, 1, 1, 2}}
	for _, c := range []struct {
		label int32
		k     int
		want  float64
	}{{3, 1, 100}, {2, 1, 0}, {1, 2, 100}, {3, 2, 0}, {1, 3, 100}, {1, 4, 100}} {
		got, err := KNN(t.Context(), train, &Features{N: 1, D: 2, X: []float32{2, 0}, Labels: []int32{c.label}}, []int{c.k, 4}, 0.07)
		if err != nil || got[0] != c.want {
			t.Errorf("k %d, label %d: %v %v, want %v", c.k, c.label, got, err, c.want)
		}
	}
}

// At a temperature of 1e-4, exp(1/T) overflows float64, but only the nearest image must decide. At 1e4 all k votes count equally.
func TestKNNTemperatureWeightsVotes(t *testing.T) {
	train := &Features{N: 3, D: 2, X: []float32{1, 0, 1, 1, 1, 1}, Labels: []int32{1, 0, 0}}
	test := &Features{N: 1, D: 2, X: []float32{1, 0.1}, Labels: []int32{1}}
	for temperature, want := range map[float64]float64{1e-4: 100, 0.07: 100, 1e4: 0, math.Inf(1): 0} {
		if got, err := KNN(t.Context(), train, test, []int{3}, temperature); err != nil || got[0] != want {
			t.Errorf("temperature %v: %v %v, want %v", temperature, got, err, want)
		}
	}
}

func TestResultsHaveTheSameBitsOnAnyNumberOfProcessors(t *testing.T) {
	train, test := clusters(2, 1100, 37, 5, 2), clusters(3, 300, 37, 5, 2)
	type result struct {
		nearest   []neighborList
		weight    []float64
		few, over float64
	}
	run := func(procs int) result {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		p := probe{x: normalized(train, 10), d: train.D, labels: train.Labels, classes: 5, penalty: 1e-4, each: parallel.Each}
		weight, err := p.fit(t.Context(), 30)
		if err != nil {
			t.Fatal(err)
		}
		few, over, err := LinearFewShot(t.Context(), train, test, 3, 5, 1)
		if err != nil {
			t.Fatal(err)
		}
		nearest, err := nearestRows(t.Context(), normalized(train, 1), normalized(test, 1), 20)
		if err != nil {
			t.Fatal(err)
		}
		return result{nearest, weight, few, over}
	}
	want := run(1)
	for _, procs := range []int{1, 2, 3, 16} {
		got := run(procs)
		for i := range want.nearest {
			if !slices.Equal(got.nearest[i].similarity, want.nearest[i].similarity) || !slices.Equal(got.nearest[i].index, want.nearest[i].index) {
				t.Fatalf("%d processors: other neighbors of image %d", procs, i)
			}
		}
		if !slices.Equal(got.weight, want.weight) || got.few != want.few || got.over != want.over {
			t.Fatalf("%d processors: another probe", procs)
		}
	}
}

func TestBadInputIsAnErrorThatNamesTheSet(t *testing.T) {
	good := func() *Features { f := clusters(2, 40, 3, 4, 1); f.Name = "folder"; return f }
	nan := float32(math.NaN())
	for _, c := range []struct {
		mend func(train, test *Features)
		want string
	}{
		{func(a, b *Features) { a.Labels[7] = -1 }, "train set folder: image 7 has label -1"},
		{func(a, b *Features) { b.Labels[7] = -1 }, "test set folder: image 7 has label -1"},
		{func(a, b *Features) { b.Labels = nil }, "test set folder: no labels"},
		{func(a, b *Features) { b.Labels = b.Labels[:5] }, "test set folder: 40 images of width 3 with 120 numbers and 5 labels"},
		{func(a, b *Features) { a.N = 0 }, "train set folder: 0 images"},
		{func(a, b *Features) { a.N, a.D = 60, 2 }, "train set folder: 60 images of width 2"},
		{func(a, b *Features) { a.X[4] = nan }, "train set folder: feature 1 of image 1 is NaN"},
		{func(a, b *Features) { b.X[119] = float32(math.Inf(-1)) }, "test set folder: feature 2 of image 39 is -Inf"},
		{func(a, b *Features) { b.N, b.D, b.Labels = 30, 4, b.Labels[:30] }, "width 3, test set folder 4"},
		{func(a, b *Features) { b.Labels[9] = 4 }, "test set folder: image 9 has label 4: no image of train set folder has it"},
	} {
		train, test := good(), good()
		c.mend(train, test)
		_, knn := KNN(t.Context(), train, test, []int{1}, 0.07)
		_, linear := Linear(t.Context(), train, test, LinearOptions{})
		_, _, few := LinearFewShot(t.Context(), train, test, 2, 2, 0)
		for _, err := range []error{knn, linear, few} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		}
	}
	for _, c := range []struct {
		ks          []int
		temperature float64
		want        string
	}{
		{[]int{1, 41}, 0.07, "k = 41: train set folder has 40 images"},
		{[]int{0}, 0.07, "k = 0"},
		{nil, 0.07, "no k"},
		{[]int{1}, 0, "temperature 0"},
		{[]int{1}, math.NaN(), "temperature NaN"},
	} {
		if _, err := KNN(t.Context(), good(), good(), c.ks, c.temperature); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	for _, opt := range []LinearOptions{{Iterations: -1}, {Penalty: -1}, {Scale: math.NaN()}, {Penalty: math.Inf(1)}} {
		if _, err := Linear(t.Context(), good(), good(), opt); err == nil {
			t.Errorf("options %+v were accepted", opt)
		}
	}
	if _, _, err := LinearFewShot(t.Context(), good(), good(), 2, 0, 0); err == nil {
		t.Error("no draws were accepted")
	}
	if _, _, err := LinearFewShot(t.Context(), good(), good(), 11, 2, 0); err == nil || !strings.Contains(err.Error(), "label 0 has 10 images: 11 are to be drawn") {
		t.Errorf("error %v, want that class 0 is too small", err)
	}
}
