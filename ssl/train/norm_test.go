package train

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// With group norm in the heads, only the backbone has running statistics, and the batch norm of Barlow Twins' loss.
func TestHeadNormReplacesBatchNormInTheHeadsOfEveryMethod(t *testing.T) {
	set := datatest.Noise(12, 32, 1)
	set.Labels, set.Classes = []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}, []string{"0", "1", "2"}
	set.Clips = []data.Clip{{Name: "a", First: 0, N: 3}, {Name: "b", First: 3, N: 3}, {Name: "c", First: 6, N: 3}, {Name: "d", First: 9, N: 3}}
	for _, method := range ssl.Methods() {
		m, err := ssl.New(method)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := m.(ssl.NetworkChooser); ok { // networks without batch norm
			continue
		}
		c := smallConfig()
		c.Batch, c.Size, c.HeadNorm = 2, 32, "group"
		if d, ok := m.(*ssl.DINO); ok {
			d.NormInHead = true
		}
		x, err := New(kernels.NewStore(device), c, Job{Method: taught(m, set), Set: set})
		if err != nil {
			t.Fatal(err)
		}
		backbone := 0
		for _, s := range x.Store.States() {
			name := strings.TrimPrefix(s.Name, "momentum.")
			switch {
			case strings.HasPrefix(name, net.BackbonePrefix):
				backbone++
			case method == "barlow" && strings.HasPrefix(name, "bn."): // that of the loss stays
			case strings.Contains(name, "running_"):
				t.Errorf("%s: %s belongs to a batch norm", method, s.Name)
			}
		}
		if backbone == 0 {
			t.Errorf("%s: the backbone has no batch norm", method)
		}
		x.Free()
	}
}

// Without a momentum encoder the store holds no averages, and without a predictor no parameters of one.
func TestBYOLTrainsWithoutPredictorOrMomentumEncoder(t *testing.T) {
	for _, x := range []ssl.BYOL{{Momentum: 0, Out: 8}, {Momentum: 0.99, Out: 8, NoPredictor: true}, {Momentum: 0, Out: 8, NoPredictor: true}} {
		c := smallConfig()
		m := x
		r, err := New(kernels.NewStore(device), c, Job{Method: &m, Set: datatest.Noise(16, 16, 1)})
		if err != nil {
			t.Fatal(err)
		}
		averaged, predictor := 0, 0
		for _, p := range r.Store.Params() {
			if p.HasAverage() {
				averaged++
			}
			if strings.HasPrefix(p.Name, "predictor.") {
				predictor++
			}
		}
		if (averaged > 0) != (x.Momentum > 0) || (predictor > 0) == x.NoPredictor {
			t.Errorf("%+v: %d averages, %d parameters of a predictor", x, averaged, predictor)
		}
		if err := r.Train(t.Context(), 2, func(StepResult) {}); err != nil {
			t.Errorf("%+v: %v", x, err)
		}
		r.Free()
	}
}
