package train

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// The reference is the mean of two steps on a part each, at a learning rate that changes nothing.
func TestCenterIsUpdatedByAllPartsOfABatch(t *testing.T) {
	set, c := datatest.Noise(40, 32, 1), smallConfig()
	c.LR = 1e-30
	center := func(x *Trainer, steps int) []float32 {
		reports(t, x, steps)
		i := slices.IndexFunc(x.Store.States(), func(s *kernels.State) bool { return s.Name == "center" })
		return must(t)(x.Store.States()[i].Read())
	}
	m, err := ssl.New("dino")
	if err != nil {
		t.Fatal(err)
	}
	keep := m.(*ssl.DINO).CenterMomentum
	c.Accumulate = 2
	got := center(trainer(t, c, m, set), 1)
	c.Accumulate, c.Batch = 1, c.Batch/2
	one := trainer(t, c, m, set)
	first, second := center(one, 1), center(one, 2)
	for i := range first {
		second[i] = (first[i] + second[i] - float32(keep)*first[i]) / 2
	}
	if d := distance(got, second); !(d <= 1e-5) {
		t.Errorf("the center is %.2g from the mean of both parts", d)
	}
}
