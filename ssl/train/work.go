package train

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// Work returns the floating point operations of the convolutions and matrix products in an epoch of training, and in the features of one image.
// Both follow from the program alone, so that decisions based on them are the same in a resumed run.
//
// Features count as 1.5 times the operations of the exported backbone: by operations they are a third of the training of a view, the backward pass being two
// thirds, but the view is painted too, and the rest of a step is small. With the demo's network on lavapipe, features took 0.42 of the time.
func (t *Trainer) Work() (epoch, feature float64) {
	for _, p := range t.passes { // with a gradient cache there are more segments than micro
		epoch += float64(t.prog.Segment(p.segment).Work() * float64(p.runs*t.PerEpoch()))
	}
	g, err := kernels.TraceOps(t.Store, func(g *kernels.Graph) {
		image := g.Input("image", kernels.F32, 1, t.Config.Size, t.Config.Size, t.job.Set.C)
		t.ExportBranch().Forward(image, net.Eval)
	})
	if err != nil {
		panic(err) // the program of the step records the same module
	}
	return epoch, 1.5 * g.Work()
}
