package ssl

import (
	"math"
	"strings"
	"testing"

	"marr/kernels"
	"marr/kernels/rng"
	"marr/ssl/data"
	"marr/ssl/watch"
)

func TestAnswersAreCountedWhereThereAreTargets(t *testing.T) {
	const n, k = 5, 3
	st, s := kernels.NewStore(device), &Step{}
	defer st.Free()
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		s.Targets = []*kernels.Tensor{nil, g.Input(targetName(1), kernels.I32, n)}
		g.Output("loss", s.Classify(g.Input("x", kernels.F32, n, k), s.Targets[1]))
		s.show(g)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	var c score
	if !math.IsNaN(c.share()) {
		t.Errorf("%v right of no answers", c.share())
	}
	for _, x := range []struct {
		truth []int32
		want  score
	}{
		{[]int32{0, 1, 2, 0, -1}, score{3, 4}}, // the fourth is wrong, the fifth has none
		{[]int32{-1, -1, -1, -1, -1}, score{3, 4}},
		{[]int32{2, 0, -1, 1, 1}, score{4, 8}}, // of equal logits the first counts
	} {
		r := begin(t, prog.Segment("main"))
		kernels.Pack(r.Floats("x"), []float32{-1, -2, -3, 0, 5, 0, -9, 0, 1, 0, 7, 0, 3, 3, 3}, k)
		copy(r.Ints(targetName(1)), x.truth)
		finish(t, r)
		if c.mark(s, r); c != x.want {
			t.Errorf("%v: %+v, want %+v", x.truth, c, x.want)
		}
	}
	if s.chance() != 1./k {
		t.Errorf("chance %g, want 1/%d", s.chance(), k)
	}
}

// Rows on a circle at these angles, in degrees; lengths do not count.
func TestAContrastIsRightWhereNoOtherRowIsAsNear(t *testing.T) {
	for _, c := range []struct {
		name   string
		angles []float64
		want   float64
	}{
		{"pairs apart", []float64{0, 90, 180, 1, 92, 183}, 1},
		{"pairs alike", []float64{0, 90, 180, 0, 90, 180}, 1},
		{"one near another", []float64{0, 5, 3, 180}, 0.5}, // the views at 3 and 5 are nearer to each other
		{"all alike", []float64{7, 7, 7, 7, 7, 7}, 0},
	} {
		var z []float32
		for i, a := range c.angles {
			sin, cos := math.Sincos(a * math.Pi / 180)
			z = append(z, float32(float64(1+i)*cos), float32(float64(1+i)*sin))
		}
		if got := told(z, 2); got != c.want {
			t.Errorf("%s: %g right, want %g", c.name, got, c.want)
		}
	}
}

// Of N images without relation between their views as many are right as guessing gives: binomial, five deviations.
func TestUnrelatedViewsAreToldByChance(t *testing.T) {
	src, sum, rounds := rng.New(4), 0.0, 60
	for range rounds {
		z := make([]float32, 64*8)
		for i := range z {
			z[i] = float32(src.Normal())
		}
		sum += told(z, 8)
	}
	s := &Step{pairs: true}
	chance := 1. / 63
	if got, most := sum/float64(rounds), 5*math.Sqrt(2*chance/float64(64*rounds)); math.Abs(got-chance) > most { // twice: partners are right together
		t.Errorf("%g right, want %g ± %g (%+v)", got, chance, most, s)
	}
}

// A recipe that changes nothing makes both views the same: every image is told at once.
func TestAContrastOfEqualViewsIsTooEasy(t *testing.T) {
	long(t)
	m, err := New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	notices, err := watched(t, &Run{Method: m, Set: noise(64, 16, 1), Views: "from = \"none\"\n[[view]]\ncount = 2\n"})
	if err != nil || len(notices) != 1 || !strings.HasPrefix(notices[0], string(watch.TooEasy)) {
		t.Errorf("notices %q, %v: want that it is too easy", notices, err)
	}
}

// Labels that are learnt at once, by few dimensions, are what was asked for. Every step tells the accuracy.
func TestLabelsRaiseNoAlarm(t *testing.T) {
	long(t)
	m, err := New("supervised")
	if err != nil {
		t.Fatal(err)
	}
	best, steps := 0.0, 0
	r := &Run{Method: m, Set: shades(64), Views: "from = \"none\"\n[[view]]\n"}
	r.Tell = func(p Progress) {
		if steps++; p.Step < p.Steps/5 {
			best = max(best, p.Accuracy)
		}
		if math.IsNaN(p.Accuracy) {
			t.Errorf("step %d tells no accuracy", p.Step)
		}
	}
	notices, err := watched(t, r)
	if err != nil || len(notices) > 0 || best < 0.99 || steps != 80 {
		t.Errorf("%d steps, %g right in the first fifth, notices %q, %v", steps, best, notices, err)
	}
}

// shades are n images of noise whose label is whether they are bright.
func shades(n int) *data.Set {
	set := noise(n, 16, 1)
	set.Labels = make([]int32, n)
	for i := range n {
		pix := set.Image(i).Pix
		for k := range pix {
			pix[k] = pix[k]/2 + byte(127*(i%2))
		}
		set.Labels[i] = int32(i % 2)
	}
	return set
}
