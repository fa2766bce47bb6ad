package main

import "testing"

func TestMeasurementsFitIntoEvalShare(t *testing.T) {
	cost := func(images int) float64 { return float64(images) }
	for _, c := range []struct {
		name                       string
		epochs, every, least, most int
		share, epoch               float64
		want                       measurementPlan
		measured                   int // number of epochs
	}{
		{"all images each epoch", 10, 1, 100, 400, 0.05, 1e6, measurementPlan{1, 400, 0.0004}, 10},
		{"as many images as fit", 10, 1, 100, 2000, 0.05, 8000, measurementPlan{1, 400, 0.05}, 10},
		{"fewer epochs if the fewest images do not fit", 10, 1, 1000, 2000, 0.05, 8000, measurementPlan{3, 1000, 0.05}, 4}, // epochs 3, 6, 9 and 10
		{"a multiple of --eval-every", 12, 2, 1000, 2000, 0.05, 8000, measurementPlan{4, 1600, 0.05}, 3},
		{"once, at the end", 10, 7, 1000, 2000, 0.05, 2000, measurementPlan{10, 1000, 0.05}, 1},
		{"once, beyond the share", 3, 1, 1000, 2000, 0.05, 4000, measurementPlan{3, 1000, 1000. / 12000}, 1},
		{"--eval-every above the number of epochs", 3, 9, 10, 20, 0.5, 1000, measurementPlan{3, 20, 20. / 3000}, 1},
	} {
		got := planMeasurements(c.epochs, c.every, c.least, c.most, c.share, c.epoch, cost)
		n := 0
		for e := 1; e <= c.epochs; e++ {
			if got.due(e, c.epochs) {
				n++
			}
		}
		if d := got.share - c.want.share; got.every != c.want.every || got.images != c.want.images || d > 1e-9 || d < -1e-9 || n != c.measured {
			t.Errorf("%s: %+v measures %d epochs, want %+v and %d", c.name, got, n, c.want, c.measured)
		}
		if !got.due(c.epochs, c.epochs) {
			t.Errorf("%s: the last epoch is not measured", c.name)
		}
	}
	if (measurementPlan{}).due(1, 1) {
		t.Error("an empty plan measures")
	}
}
