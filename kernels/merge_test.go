package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// mergeTolerance is for at most 32 terms a level: some 32 roundings of 6e-8, which partly cancel.
const mergeTolerance = 1e-6

// manyParts lists numbers of parts that need one to three levels, with full and short groups.
var manyParts = []int{1, 2, kernels.FanIn, kernels.FanIn + 1, 3*kernels.FanIn - 1, kernels.FanIn * kernels.FanIn, kernels.FanIn*kernels.FanIn + 5}

// once builds the program f and runs it once on input "x".
func once(t *testing.T, x []float32, width int, f func(g *kernels.Graph)) *kernels.Run {
	t.Helper()
	st := kernels.NewStore(device)
	t.Cleanup(st.Free)
	prog, err := kernels.Build(device, st, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(prog.Free)
	s := prog.Segment("main")
	r, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("x"), x, width)
	if s.HasScalar("micro") {
		r.Set("micro", 0)
	}
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMergedStatisticsEqualThoseOfAllRows has channels of mean 30, so that M2 as a difference of squares would be inaccurate, and means that
// drift from part to part, so that the variance between parts matters.
func TestMergedStatisticsEqualThoseOfAllRows(t *testing.T) {
	const c, per = 5, 3
	for _, parts := range manyParts {
		t.Run(fmt.Sprint(parts), func(t *testing.T) {
			rows := parts*per - 1 // the last part is short
			x := make([]float32, rows*c)
			rng.New(1, uint32(parts)).Uniform(x, -1, 1)
			for i := range x {
				x[i] += 30 + float32(i/c)/float32(rows)
			}
			stats := make([]float32, parts*2*c)
			for k := range parts {
				for j := range c {
					mean, m2 := moments(x, k*per, min((k+1)*per, rows), c, j)
					stats[k*2*c+j], stats[(k*2+1)*c+j] = float32(mean), float32(m2)
				}
			}
			r := once(t, stats, c, func(g *kernels.Graph) {
				vector := func(name string, v float32) *kernels.Param {
					return g.Store().Param(name, func() []float32 { return []float32{v, v, v, v, v} }, c)
				}
				n := kernels.Norm{Gamma: vector("gamma", 1), Beta: vector("beta", 0), Mean: g.Store().State("mean", 0, c), Eps: 1e-5}
				g.Output("coef", kernels.MergeStats(g.Input("x", kernels.F32, parts, 2, c), per, rows, n))
			})
			got, means, inverse := make([]float32, 4*c), make([]float64, c), make([]float64, c)
			kernels.Unpack(got, r.Output("coef"), c)
			for j := range c {
				mean, m2 := moments(x, 0, rows, c, j)
				means[j], inverse[j] = mean, 1/math.Sqrt(m2/float64(rows)+1e-5)
			}
			near(t, "mean", got[2*c:3*c], means, mergeTolerance)
			near(t, "1/σ", got[3*c:], inverse, 5*mergeTolerance) // a part's mean is rounded to 2e-6, σ is 0.6
		})
	}
}

// moments returns mean and M2 of column j over rows from … to−1 of x [.. c].
func moments(x []float32, from, to, c, j int) (mean, m2 float64) {
	for i := from; i < to; i++ {
		mean += float64(x[i*c+j]) / float64(to-from)
	}
	for i := from; i < to; i++ {
		d := float64(x[i*c+j]) - mean
		m2 += d * d
	}
	return mean, m2
}

func TestSumsInLevelsEqualTheTotal(t *testing.T) {
	const c = 7
	for _, parts := range manyParts {
		t.Run(fmt.Sprint(parts), func(t *testing.T) {
			x, want := make([]float32, parts*c), make([]float64, c)
			rng.New(2, uint32(parts)).Uniform(x, 0, 1)
			for i, v := range x {
				want[i%c] += float64(v)
			}
			r := once(t, x, c, func(g *kernels.Graph) { g.Output("y", kernels.Sum(g.Input("x", kernels.F32, parts, c))) })
			near(t, "sum", r.Output("y")[:c], want, mergeTolerance)
		})
	}
}
