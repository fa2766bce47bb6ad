package eval

import (
	"context"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// ClassGradients are the last feature maps of images, and the gradients of the logits of classes with respect to them.
type ClassGradients struct {
	Shape         []int     // [h w C] of a map; [T C] for the tokens of a transformer
	Map, Gradient []float32 // [N h w C]
}

// NewClassGradients computes the last feature map of each image of a set, in inference mode with the test transform, and the gradient of the logit of
// classes[i] for image i with respect to it. Errors: features that are not finite; ctx.Err() once ctx is done.
func NewClassGradients(ctx context.Context, st *kernels.Store, c *net.Classifier, in Inputs, set *data.Set, classes []int) (*ClassGradients, error) {
	network, ok := c.Backbone.(net.Network)
	if !ok {
		return nil, fmt.Errorf("eval: the classifier's backbone has no feature map")
	}
	batch, err := Frozen{Store: st, Module: c, Inputs: in}.Batch(set.C)
	if err != nil {
		return nil, err
	}
	batch = min(batch, set.Len())
	y, width, numClasses := &ClassGradients{}, 0, 0
	v := train.ViewConfig{Set: set, MaxPixels: set.MaxPixels(), Mean: in.Mean, Std: in.Std, N: batch, Specs: views.Eval(views.Input{Size: in.Size, Channels: set.C, Frames: 1})}
	painter, err := train.NewPainter(st, v, func(g *kernels.Graph, views []*kernels.Tensor) {
		m := kernels.StopGrad(kernels.Float(network.Map(views[0], net.Eval))).Track()
		logits := c.Head.Forward(network.Pool(m, net.Eval), net.Eval)
		g.BackwardFrom(logits, g.Input("class", kernels.F32, logits.Shape()...))
		y.Shape, width, numClasses = m.Shape()[1:], m.Width(), logits.Width()
		g.Output("map", m)
		g.Output("gradient", m.Grad())
	})
	if err != nil {
		return nil, err
	}
	defer painter.Free()
	for first := 0; first < set.Len(); first += batch {
		n := min(batch, set.Len()-first)
		r, err := painter.Fill(set, span(first, first+n), 0)
		if err != nil {
			return nil, err
		}
		chosen := make([]float32, batch*numClasses)
		for i, class := range classes[first : first+n] {
			chosen[i*numClasses+class] = 1
		}
		kernels.Pack(r.Floats("class"), chosen, numClasses)
		if err := r.Submit(); err != nil {
			return nil, err
		}
		if err := r.Wait(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: gradients of %s: %w", set.Name, err)
		}
		size := n * width
		for _, k := range y.Shape[:len(y.Shape)-1] {
			size *= k
		}
		for name, to := range map[string]*[]float32{"map": &y.Map, "gradient": &y.Gradient} {
			x := make([]float32, size)
			kernels.Unpack(x, r.Output(name), width)
			if err := checkFinite("set "+set.Name, x, size/n, first); err != nil {
				return nil, err
			}
			*to = append(*to, x...)
		}
	}
	return y, nil
}
