package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// Without batch norm, the parts of a batch have the embeddings of the whole one. Step k writes its 8 embeddings to rows 8k … 8k+7 of 20, and begins again
// behind the last row.
func TestQueueHoldsTheEmbeddingsOfAllParts(t *testing.T) {
	set := datatest.Noise(40, 16, 3)
	for name, m := range map[string]ssl.Method{
		"mocov2": &ssl.MoCoV2{Temperature: 0.2, Momentum: 0.9, Queue: 20, Out: 10},
		"swav":   &ssl.SwAV{Prototypes: 12, Temperature: 0.1, Epsilon: 0.05, Out: 10, Queue: 20},
	} {
		c := smallConfig()
		c.Norm, c.LR = "none", 1e-9 // so that the weights of all steps are nearly the same
		whole := trainer(t, c, m, set)
		c.Accumulate = 4
		parts := trainer(t, c, m, set)
		var before []float32
		for step := range 4 {
			reports(t, whole, step+1)
			reports(t, parts, step+1)
			queue := queues(t, whole)
			for i, other := range queues(t, parts) {
				if d := distance(queue[i], other); !(d <= 1e-4) {
					t.Errorf("%s, step %d: queue %d is off by %.2g", name, step, i, d)
				}
			}
			for row := range 20 {
				pushed := (row-8*step%20+20)%20 < 8
				if at := 10 * row; before != nil && pushed == slices.Equal(before[at:at+10], queue[0][at:at+10]) {
					t.Errorf("%s, step %d: row %d changed: %t, want %t", name, step, row, !pushed, pushed)
				}
			}
			before = queue[0]
		}
	}
}

func queues(t *testing.T, x *Trainer) (all [][]float32) {
	t.Helper()
	for _, s := range x.Store.States() {
		if strings.HasPrefix(s.Name, "queue") {
			all = append(all, must(t)(s.Read()))
		}
	}
	return all
}
