package train

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// slope evaluates a method's loss on one batch at parameters that a test moves. Momentum encoders, centers and the values under StopGrad stay.
type slope struct {
	*Trainer
	held map[string][]float32
}

func newSlope(t *testing.T, method string) *slope {
	t.Helper()
	m, err := ssl.New(method)
	if err != nil {
		t.Fatal(err)
	}
	set := eightOf(method)
	x, err := New(kernels.NewStore(device), configFor(m), Job{Method: taught(m, set), Set: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Free)
	x.prog.Free()
	var names []string
	if x.prog, err = kernels.Build(device, x.Store, func(g *kernels.Graph) {
		g.CutAtStopGrad(&names)
		x.record(g)
	}); err != nil {
		t.Fatal(err)
	}
	s := &slope{Trainer: x, held: map[string][]float32{}}
	r := s.run(t)
	for _, n := range names {
		s.held[n] = slices.Clone(r.Output(n))
	}
	return s
}

// eightOf returns a set of eight samples for a method.
func eightOf(method string) *data.Set {
	if method == "order" {
		return datatest.Labeled(8*ClipFrames, 32, 1)
	}
	set := datatest.Labeled(8, 32, 1)
	set.Clips = nil
	return set
}

// run does one forward and backward pass on the first batch.
func (s *slope) run(t *testing.T) *kernels.Run {
	t.Helper()
	finish(t, begin(t, s.prog.Segment("clear")))
	r := begin(t, s.prog.Segment("micro"))
	s.fill(r, []int{0, 1, 2, 3, 4, 5, 6, 7}, 0)
	r.Draw(1, 0)
	for name, v := range s.held {
		copy(r.Floats(name), v)
	}
	if s.prog.Segment("micro").HasScalar("micro") { // of batch norms
		r.Set("micro", 0)
	}
	r.Draw(s.Config.Seed, 0)
	for name, v := range s.step.Requests.Scalars {
		if s.prog.Segment("micro").HasScalar(name) { // others belong to the update
			r.Set(name, v.At(0, s.Steps()))
		}
	}
	finish(t, r)
	return r
}

// direction returns a direction for all parameters, the slope of the loss along it by the gradient, and the loss. Each tensor moves in proportion to its
// norm, half along its gradient, so that every tensor counts, and half at random.
func (s *slope) direction(t *testing.T) (way [][]float64, slope, loss float64) {
	t.Helper()
	loss = float64(s.run(t).Output("loss")[0])
	src := rng.New(5)
	for _, p := range s.Store.Params() {
		g, v := must(t)(p.ReadGrad()), must(t)(p.Read())
		d := make([]float32, len(g))
		for i := range d {
			d[i] = float32(src.Normal())
		}
		size := max(norm(v), 0.1*math.Sqrt(float64(len(v)))) // a bias is zero
		a, b, w := size/norm(d), size/max(norm(g), 1e-30), make([]float64, len(g))
		for i := range w {
			w[i] = a*float64(d[i]) + b*float64(g[i])
			slope += w[i] * float64(g[i])
		}
		way = append(way, w)
	}
	return way, slope, loss
}

func norm(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// differences moves the parameters by ±e along a direction and returns the difference of the loss and the one that the gradient predicts for the
// float32 values that the parameters took.
func (s *slope) differences(t *testing.T, way [][]float64, e float64) (got, want float64) {
	t.Helper()
	var sides [2][][]float32
	s.run(t)
	for i, p := range s.Store.Params() {
		g, v := must(t)(p.ReadGrad()), must(t)(p.Read())
		a, b := slices.Clone(v), slices.Clone(v)
		for j, d := range way[i] {
			a[j], b[j] = float32(float64(v[j])-e*d), float32(float64(v[j])+e*d)
			want += float64(g[j]) * (float64(b[j]) - float64(a[j]))
		}
		sides[0], sides[1] = append(sides[0], a), append(sides[1], b)
	}
	for k, sign := range []float64{-1, 1} {
		for i, p := range s.Store.Params() {
			if err := p.Write(sides[k][i]); err != nil {
				t.Fatal(err)
			}
		}
		got += sign * float64(s.run(t).Output("loss")[0])
	}
	return got, want
}

// Every method with its own views. The test fails if the backward pass of Scale omits the factor (0.5 to 0.9 apart) or if the gradient omits one of
// BYOL's directions (0.08).
func TestGradientOfAStepIsTheSlopeOfItsLoss(t *testing.T) {
	const (
		share     = 3e-3 // difference of the loss, of the loss or of 1: about 1e4 rounding errors, and small enough for the loss to be linear
		tolerance = 1e-2 // largest measured: 2.8e-3
	)
	for _, method := range ssl.Methods() {
		t.Run(method, func(t *testing.T) {
			s := newSlope(t, method)
			way, slope, loss := s.direction(t)
			rise := share * max(1, math.Abs(loss))
			if got, want := s.differences(t, way, rise/2/slope); !(math.Abs(got-want) <= tolerance*want) {
				t.Errorf("the loss rose by %g, its gradient predicts %g: %.2g apart", got, want, math.Abs(got/want-1))
			}
		})
	}
}
