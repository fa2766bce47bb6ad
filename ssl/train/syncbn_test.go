package train

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// Ranks whose batch norms are synchronized train like one device that computes the batch in one part, but for rounding. Without, they do not.
func TestSyncBNTrainsAsOneDevice(t *testing.T) {
	set := datatest.Noise(40, 16, 3)
	methods := map[string]ssl.Method{"byol": nil}
	if !testing.Short() {
		methods["simclr"], methods["mocov2"], methods["dino"] = &ssl.SimCLR{Temperature: 0.2, Out: 10}, nil, nil
		methods["vicreg"] = &ssl.VICReg{Invariance: 25, Variance: 25, Covariance: 1, Out: 10}
	}
	for name, m := range methods {
		if m == nil {
			m = smallMethod(t, name)
		}
		c := configFor(m)
		c.Optimizer, c.LR, c.Warmup, c.Clip = "sgd", 0.05, 0, 1 // Adam divides small gradients by small numbers
		c.Arch, c.Backbone = "resnet10", map[string]any{"stem": "strided", "width": 4}
		one := trainer(t, c, m, set)
		start := everything(t, one.Store)
		want := reports(t, one, 2)
		state := everything(t, one.Store)
		c.Accumulate = 2
		apart := 0.0
		for _, c.SyncBN = range []bool{false, true} {
			got, states := onRanks(t, 2, c, m, set, 2)
			if !slices.Equal(states[0], states[1]) {
				t.Errorf("%s: the ranks differ", name)
			}
			d := distance(states[0], state) / distance(start, state)
			loss := math.Abs(got[0][1].Loss/want[1].Loss - 1)
			switch {
			case !c.SyncBN:
				apart = d
			case d > 1e-5 || loss > 1e-5 || apart < 0.1:
				t.Errorf("%s: the states are %.2g of two steps apart and the losses %.2g, and without synchronization the states are %.2g apart", name, d, loss, apart)
			}
		}
	}
}
