package ssl

import (
	"testing"

	"marr/kernels"
	"marr/ssl/data"
)

// Whatever a method does with its views, a feature pass is counted for at least what its program has, and for no more than a few times that.
func TestWorkOfFeaturesIsThatOfTheirProgram(t *testing.T) {
	set := noise(12, 32, 1)
	set.Labels = []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}
	set.Clips = []data.Clip{{Name: "a", First: 0, N: 3}, {Name: "b", First: 3, N: 3}, {Name: "c", First: 6, N: 3}, {Name: "d", First: 9, N: 3}}
	for _, name := range Methods() {
		c := smallConfig()
		c.Method, c.Width, c.Batch, c.Accumulate = name, 16, 4, 2
		m, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		x, err := NewTrainer(kernels.NewStore(device), c, m, set)
		if err != nil {
			t.Fatal(err)
		}
		mean, std := set.Stats()
		e, err := NewEncoder(device, x.Store, x.Product(), mean, std, 32, set)
		if err != nil {
			t.Fatal(err)
		}
		epoch, feature := x.Work()
		counted := e.prog.Segment("main").Work() / float64(set.Len())
		if ratio := feature / counted; !(ratio > 1 && ratio < 4) {
			t.Errorf("%s: %.3g operations a feature, its program has %.3g", name, feature, counted)
		} else {
			t.Logf("%s: %.2f of its program; an epoch is %.0f features", name, ratio, epoch/feature)
		}
		e.Free()
		x.Free()
	}
}

func TestPassesAreWholeBatches(t *testing.T) {
	few, many := noise(12, 1, 1), noise(300, 1, 1)
	if a, b, c := Passes(few), Passes(many), Passes(many, few); a != 12 || b != 500 || c != 750 {
		t.Errorf("%d, %d, %d passes, want 12, 500 and 750", a, b, c)
	}
}
