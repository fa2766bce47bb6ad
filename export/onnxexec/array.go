package onnxexec

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// array is a dense row-major value: f holds float32 elements, or i holds int64 elements. No kernel writes to an array that another has
// returned, so arrays may share memory.
type array struct {
	shape []int
	f     []float32
	i     []int64
}

// zeros returns a float32 array of zeros. A dimension below 1 is an error.
func zeros(shape ...int) (*array, error) {
	for _, d := range shape {
		if d < 1 {
			return nil, fmt.Errorf("the result would have dims %v", shape)
		}
	}
	return &array{shape: slices.Clone(shape), f: make([]float32, product(shape))}, nil
}

// reshaped returns a with another shape of the same number of elements.
func (a *array) reshaped(shape ...int) *array { return &array{shape: shape, f: a.f, i: a.i} }

func product(shape []int) int {
	p := 1
	for _, d := range shape {
		p *= d
	}
	return p
}

// strides returns the distance in elements between neighbors along each dimension of a row-major array.
func strides(shape []int) []int {
	s, step := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = step
		step *= shape[i]
	}
	return s
}

// axis maps an axis from [−rank, rank) to [0, rank).
func axis(k, rank int) (int, error) {
	if k < -rank || k >= rank {
		return 0, fmt.Errorf("axis %d of a value of rank %d", k, rank)
	}
	return (k + rank) % rank, nil
}

// axisSet maps a list of axes to a set in [0, rank). A repeated axis is an error.
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

// walk calls f once for every element of shape, in row-major order, with its offsets by the two lists of strides.
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

// parallel calls f(i, scratch) for i in [0, n) on all processors. Each worker has one scratch slice for all its calls. Calls must write
// disjoint parts of the result, so that the result does not depend on the schedule.
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

// room returns a slice of n elements of scratch, which grows if necessary. Its contents are undefined.
func room(scratch *[]float64, n int) []float64 {
	if cap(*scratch) < n {
		*scratch = make([]float64, n)
	}
	return (*scratch)[:n]
}
