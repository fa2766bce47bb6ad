package onnxexec

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// array is a dense row-major value: f holds float32 elements or i int64 ones. Its memory is never written once a kernel has returned it, so
// arrays may share it.
type array struct {
	shape []int
	f     []float32
	i     []int64
}

// zeros returns a float32 array of zeros. A dimension below 1 is an error: no kernel here has a use for empty values.
func zeros(shape ...int) (*array, error) {
	for _, d := range shape {
		if d < 1 {
			return nil, fmt.Errorf("the result would have dims %v", shape)
		}
	}
	return &array{shape: slices.Clone(shape), f: make([]float32, product(shape))}, nil
}

// reshaped is a with another shape of as many elements.
func (a *array) reshaped(shape ...int) *array { return &array{shape: shape, f: a.f, i: a.i} }

func product(shape []int) int {
	p := 1
	for _, d := range shape {
		p *= d
	}
	return p
}

// strides gives the distance in elements between neighbours along each dimension of a row-major array.
func strides(shape []int) []int {
	s, step := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = step
		step *= shape[i]
	}
	return s
}

// axis brings an axis in [−rank, rank) into [0, rank).
func axis(k, rank int) (int, error) {
	if k < -rank || k >= rank {
		return 0, fmt.Errorf("axis %d of a value of rank %d", k, rank)
	}
	return (k + rank) % rank, nil
}

// axisSet brings a list of axes into a set of [0, rank); an axis given twice is an error.
func axisSet(axes []int, rank int) (map[int]bool, error) {
	set := map[int]bool{}
	for _, k := range axes {
		a, err := axis(k, rank)
		if err != nil {
			return nil, err
		}
		if set[a] {
			return nil, fmt.Errorf("axis %d is given twice", k)
		}
		set[a] = true
	}
	return set, nil
}

// walk calls f once for every element of shape, in row-major order, with the offsets that the two stride lists give it.
func walk(shape, sa, sb []int, f func(a, b int)) {
	at := make([]int, len(shape))
	for n, a, b := product(shape), 0, 0; n > 0; n-- {
		f(a, b)
		for d := len(shape) - 1; d >= 0; d-- {
			at[d]++
			a, b = a+sa[d], b+sb[d]
			if at[d] < shape[d] {
				break
			}
			a, b = a-at[d]*sa[d], b-at[d]*sb[d]
			at[d] = 0
		}
	}
}

// parallel calls f(i, scratch) for i in [0, n) on all processors; scratch is a worker's own slice, kept from call to call. Each i must write its
// own part of the result, so that the outcome does not depend on who did what.
func parallel(n int, f func(i int, scratch *[]float64)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range workers {
		wg.Go(func() {
			var scratch []float64
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i, &scratch)
			}
		})
	}
	wg.Wait()
}

// room returns a slice of n elements out of scratch, which grows if need be; what it holds is left over from before.
func room(scratch *[]float64, n int) []float64 {
	if cap(*scratch) < n {
		*scratch = make([]float64, n)
	}
	return (*scratch)[:n]
}
