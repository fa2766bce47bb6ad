package train

import (
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl"
)

func TestAccuracyCountsOnlyImagesWithATarget(t *testing.T) {
	const n, k = 5, 3
	st, s := kernels.NewStore(device), &ssl.Step{}
	defer st.Free()
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		s.Targets = []*kernels.Tensor{nil, g.Input(targetName(1), kernels.I32, n)}
		g.Output("loss", s.Classify(g.Input("x", kernels.F32, n, k), s.Targets[1]))
		outputObserved(g, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	var c score
	if !math.IsNaN(c.fraction()) {
		t.Errorf("accuracy of no predictions is %v", c.fraction())
	}
	for _, x := range []struct {
		truth []int32
		want  score
	}{
		{[]int32{0, 1, 2, 0, -1}, score{3, 4}}, // the fourth is wrong, the fifth has no target
		{[]int32{-1, -1, -1, -1, -1}, score{3, 4}},
		{[]int32{2, 0, -1, 1, 1}, score{4, 8}}, // the first of equal logits is the prediction
	} {
		r := begin(t, prog.Segment("main"))
		kernels.Pack(r.Floats("x"), []float32{-1, -2, -3, 0, 5, 0, -9, 0, 1, 0, 7, 0, 3, 3, 3}, k)
		copy(r.Ints(targetName(1)), x.truth)
		finish(t, r)
		if c.count(s, r); c != x.want {
			t.Errorf("%v: %+v, want %+v", x.truth, c, x.want)
		}
	}
	if chance(s.Requests) != 1./k {
		t.Errorf("chance %g, want 1/%d", chance(s.Requests), k)
	}
}

// Rows lie on a circle at these angles in degrees. Their lengths do not matter.
func TestPositiveIsNearestIfNoOtherRowIsAsNear(t *testing.T) {
	for _, c := range []struct {
		name   string
		angles []float64
		want   float64
	}{
		{"distant pairs", []float64{0, 90, 180, 1, 92, 183}, 1},
		{"equal pairs", []float64{0, 90, 180, 0, 90, 180}, 1},
		{"two images alike", []float64{0, 5, 3, 180}, 0.5}, // the views at 3 and 5 are nearer to each other
		{"equal rows", []float64{7, 7, 7, 7, 7, 7}, 0},
	} {
		var z []float32
		for i, a := range c.angles {
			sin, cos := math.Sincos(a * math.Pi / 180)
			z = append(z, float32(float64(1+i)*cos), float32(float64(1+i)*sin))
		}
		if got := nearestIsPositive(z, 2); got != c.want {
			t.Errorf("%s: %g right, want %g", c.name, got, c.want)
		}
	}
}

// With unrelated views the number of nearest positives is binomial. The tolerance is five standard deviations.
func TestPositivesOfUnrelatedViewsAreNearestByChance(t *testing.T) {
	src, sum, rounds := rng.New(4), 0.0, 60
	for range rounds {
		z := make([]float32, 64*8)
		for i := range z {
			z[i] = float32(src.Normal())
		}
		sum += nearestIsPositive(z, 8)
	}
	chance := 1. / 63
	if got, most := sum/float64(rounds), 5*math.Sqrt(2*chance/float64(64*rounds)); math.Abs(got-chance) > most { // twice: positives are right together
		t.Errorf("%g right, want %g ± %g", got, chance, most)
	}
}
