package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// Each step has other directions. The parts of a batch share them, because the loss is that of the whole batch.
func TestDirectionsAreUnitVectorsAndNewForEveryStep(t *testing.T) {
	const count, width = 8, 10
	for _, parts := range []int{1, 2} {
		c := smallConfig()
		c.Accumulate = parts
		x := trainer(t, c, &ssl.LeJEPA{Lambda: 0.1, Slices: count, Hidden: 16, Out: width}, datatest.Noise(40, 16, 1))
		var before []float32
		for step := range 3 {
			if err := x.submit(context.Background(), func() error { return fmt.Errorf("the runs of step %d do not fit in flight", step) }); err != nil {
				t.Fatal(err)
			}
			var drawn [][]float32
			for _, w := range x.inFlight {
				if err := w.run.Wait(); err != nil {
					t.Fatal(err)
				}
				if w.loss {
					v := make([]float32, count*width)
					kernels.Unpack(v, w.run.Floats("directions"), width)
					drawn = append(drawn, v)
				}
			}
			x.inFlight = nil
			if len(drawn) != 1 || slices.Equal(drawn[0], before) {
				t.Fatalf("%d parts, step %d: %d draws of directions, or those of the step before", parts, step, len(drawn))
			}
			before = drawn[0]
			for v := range slices.Chunk(before, width) {
				if d := math.Abs(norm(v) - 1); d > 1e-6 {
					t.Errorf("%d parts, step %d: a direction is off by %g from length 1", parts, step, d)
				}
			}
		}
	}
}
