package net

import (
	"strings"

	"marr/kernels"
)

// HeadPrefix starts the names of the parameters of a classifier's head: fc.weight and fc.bias for a linear layer, as in torchvision's ResNet; fc.0.weight,
// fc.2.weight and so on for an MLP.
const HeadPrefix = "fc"

// Classifier maps images [N H W C] to the logits [N K] of K classes: a backbone, and an MLP on its features.
type Classifier struct {
	Backbone Module
	Head     *MLP
	Frozen   bool // the backbone is always in inference mode and takes no gradient
}

// Classifier declares a head on a backbone in the same store, with hidden layers of these widths; without any it is one linear layer. The parameters of a
// frozen backbone have the learning rate 0.
func (s Scope) Classifier(b Backbone, hidden []int, classes int, frozen bool) *Classifier {
	for _, p := range s.Store.Params() {
		if frozen && strings.HasPrefix(p.Name, BackbonePrefix) {
			p.LR = 0
		}
	}
	widths := append(append([]int{b.Dim()}, hidden...), classes)
	return &Classifier{b, s.MLP(HeadPrefix, widths...), frozen}
}

// Forward returns the logits.
func (c *Classifier) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	if c.Frozen {
		return c.Head.Forward(kernels.StopGrad(c.Backbone.Forward(x, Eval)), m)
	}
	return c.Head.Forward(c.Backbone.Forward(x, m), m)
}

// Probabilities returns a module that maps images to the probabilities [N K] of the classes: the softmax of the logits.
func (c *Classifier) Probabilities() Module { return probabilities{c} }

type probabilities struct{ of Module }

func (p probabilities) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return kernels.Softmax(p.of.Forward(x, m), 1)
}
