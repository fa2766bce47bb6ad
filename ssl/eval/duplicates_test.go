package eval_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/ssl/eval"
)

// directions returns n random features of width d, in which some are near others.
func directions(n, d int) *eval.Features {
	src := rand.New(rand.NewPCG(1, 2))
	f := &eval.Features{Name: "directions", N: n, D: d, X: make([]float32, n*d)}
	for i := range f.X {
		f.X[i] = float32(src.NormFloat64())
	}
	for i := range n / 3 {
		from, to, noise := src.IntN(n), src.IntN(n), src.Float64()*0.6
		for k := range d {
			f.X[to*d+k] = 3 * f.X[from*d+k]
			if i%4 > 0 { // else a copy
				f.X[to*d+k] += float32(noise * src.NormFloat64())
			}
		}
	}
	return f
}

// groupsOf compares every pair, merges groups, and finds for each image the most similar one of its group, the earliest of equal ones.
func groupsOf(f *eval.Features, threshold float64) (out [][]eval.Duplicate) {
	cosine := func(i, j int) float64 {
		var ij, ii, jj float64
		for k := range f.D {
			x, y := float64(f.X[i*f.D+k]), float64(f.X[j*f.D+k])
			ij, ii, jj = ij+x*y, ii+x*x, jj+y*y
		}
		return ij / math.Sqrt(ii*jj)
	}
	group, nearest := make([]int, f.N), make([]eval.Duplicate, f.N)
	for i := range f.N {
		group[i], nearest[i].Image = i, i
	}
	for i := range f.N {
		for j := range f.N {
			s := cosine(i, j)
			if i == j || s < threshold-5e-7 {
				continue
			}
			if s > nearest[i].Similarity+5e-7 {
				nearest[i].Nearest, nearest[i].Similarity = j, s
			}
			for k, from := 0, group[i]; k < f.N; k++ {
				if group[k] == from {
					group[k] = group[j]
				}
			}
		}
	}
	most := map[int]float64{}
	members := map[int][]eval.Duplicate{}
	for i, n := range nearest {
		if n.Similarity > 0 {
			members[group[i]] = append(members[group[i]], n)
			most[group[i]] = max(most[group[i]], n.Similarity)
		}
	}
	order := slices.SortedFunc(maps.Keys(members), func(a, b int) int {
		if d := most[b] - most[a]; math.Abs(d) > 5e-7 {
			return int(math.Copysign(1, d))
		}
		return members[a][0].Image - members[b][0].Image
	})
	for _, g := range order {
		out = append(out, members[g])
	}
	return out
}

// same compares groups; similarities within the rounding of six decimals and of normalized float32.
func same(a, b [][]eval.Duplicate) bool {
	return slices.EqualFunc(a, b, func(x, y []eval.Duplicate) bool {
		return slices.EqualFunc(x, y, func(x, y eval.Duplicate) bool {
			return x.Image == y.Image && x.Nearest == y.Nearest && math.Abs(x.Similarity-y.Similarity) < 2e-6
		})
	})
}

func TestDuplicatesAreThoseOfAllPairs(t *testing.T) {
	for _, x := range []struct {
		n, d      int
		threshold float64
	}{{1, 3, 0.5}, {2, 1, 1}, {63, 5, 0.9}, {200, 7, 0.8}, {200, 7, 0.999}, {257, 12, 0.5}, {130, 33, 1}} {
		f := directions(x.n, x.d)
		got, err := eval.Duplicates(t.Context(), device, f, x.threshold, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := groupsOf(f, x.threshold); !same(got, want) {
			t.Errorf("%d images of width %d, threshold %v: %d groups, %.500v, want %d, %.500v", x.n, x.d, x.threshold, len(got), fmt.Sprint(got), len(want), fmt.Sprint(want))
		} else {
			t.Logf("%d images of width %d, threshold %v: %d groups", x.n, x.d, x.threshold, len(got))
		}
	}
}

// More blocks than one, and more pairs than are kept.
func TestManyCopiesAreOneGroup(t *testing.T) {
	const n = 2100
	f := &eval.Features{N: n, D: 30, X: make([]float32, 30*n)}
	for i := range n {
		f.X[30*i+i%5*(i%6)] = float32(1 + i) // the first number of a third, another one of the others
	}
	compared := 0
	got, err := eval.Duplicates(t.Context(), device, f, 0.95, func(done, total int) {
		if compared = done; total != n*(n-1)/2 {
			t.Fatalf("%d pairs, want %d", total, n*(n-1)/2)
		}
	})
	members := map[int][]int{}
	for i := range n {
		members[i%5*(i%6)] = append(members[i%5*(i%6)], i)
	}
	if err != nil || len(got) != len(members) || compared != n*(n-1)/2 {
		t.Fatalf("%d groups, want %d, %d pairs compared, %v", len(got), len(members), compared, err)
	}
	for _, group := range got {
		want := members[group[0].Image%5*(group[0].Image%6)]
		for i, d := range group {
			nearest := want[0]
			if i == 0 {
				nearest = want[1]
			}
			if d != (eval.Duplicate{Image: want[i], Nearest: nearest, Similarity: 1}) {
				t.Fatalf("%v, want %d with %d", d, want[i], nearest)
			}
		}
	}
}

func TestDuplicatesRefuseWhatCannotBeCompared(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := eval.Duplicates(stopped, device, directions(9, 3), 0.5, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	for _, threshold := range []float64{0, -1, 1.01, math.NaN()} {
		if _, err := eval.Duplicates(t.Context(), device, directions(9, 3), threshold, nil); err == nil {
			t.Errorf("threshold %v is accepted", threshold)
		}
	}
	diverged := directions(9, 3)
	diverged.X[5] = float32(math.NaN())
	if _, err := eval.Duplicates(t.Context(), device, diverged, 0.5, nil); err == nil {
		t.Error("NaN is accepted")
	}
}

func TestNearestToIsSortedBySimilarity(t *testing.T) {
	f := &eval.Features{N: 5, D: 2, X: []float32{1, 0, 5, 1, 2, 0, 1, 9, -1, 0}}
	for _, x := range []struct {
		k, except int
		want      []eval.Neighbor
	}{{3, -1, []eval.Neighbor{{0, 1}, {2, 1}, {1, 0.980581}}}, {2, 0, []eval.Neighbor{{2, 1}, {1, 0.980581}}},
		{9, 4, []eval.Neighbor{{0, 1}, {2, 1}, {1, 0.980581}, {3, 0.110432}}}} {
		got, err := eval.NearestTo(t.Context(), f, []float32{7, 0}, x.k, x.except)
		if err != nil || !slices.Equal(got, x.want) {
			t.Errorf("k = %d without %d: %v (%v), want %v", x.k, x.except, got, err, x.want)
		}
	}
	if _, err := eval.NearestTo(t.Context(), f, []float32{7, 0}, 0, -1); err == nil {
		t.Error("k = 0 is accepted")
	}
	if _, err := eval.NearestTo(t.Context(), f, []float32{7, 0, 1}, 1, -1); err == nil {
		t.Error("another width is accepted")
	}
}
