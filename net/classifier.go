package net

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
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

// Classifier declares in an empty store the classifier that the file holds, and writes its weights. The number of classes is the width of its output.
// A file without a head, or with tensors that do not fit, is an error.
func (w *Weights) Classifier(st *kernels.Store) (c *Classifier, classes int, err error) {
	config, err := w.Recognize(nil)
	if err != nil {
		return nil, 0, err
	}
	b, err := config.New(st, 0)
	if err != nil {
		return nil, 0, err
	}
	widths := w.headWidths()
	if widths == nil {
		return nil, 0, fmt.Errorf("net: %s: it has no classifier, no tensors named %s.*: give a classifier.onnx of marr finetune", w.Path, HeadPrefix)
	}
	if _, err := w.Restore(st); err != nil {
		return nil, 0, err
	}
	c = Scope{Store: st}.Classifier(b, widths[:len(widths)-1], widths[len(widths)-1], false)
	var to []destination
	for _, p := range st.Params() {
		if strings.HasPrefix(p.Name, HeadPrefix+".") {
			to = append(to, destination{p.Name, p.Shape, p.Write})
		}
	}
	tensors := w.byName()
	if why := unfit(tensors, to); len(why) > 0 {
		return nil, 0, fmt.Errorf("net: %s: its classifier has another form: %s: give a classifier.onnx of marr finetune", w.Path, strings.Join(why, "; "))
	}
	return c, widths[len(widths)-1], writeAll(tensors, to)
}

// headWidths returns the widths of the hidden layers and the output of the head, nil if there is no head.
func (w *Weights) headWidths() (widths []int) {
	tensors := w.byName()
	names := []string{HeadPrefix + ".weight"}
	if _, linear := tensors[names[0]]; !linear {
		names = nil
		for i := 0; ; i += 2 {
			name := fmt.Sprintf("%s.%d.weight", HeadPrefix, i)
			if _, ok := tensors[name]; !ok {
				break
			}
			names = append(names, name)
		}
	}
	for _, name := range names {
		if shape := tensors[name].Shape; len(shape) == 2 && slices.Min(shape) > 0 {
			widths = append(widths, shape[0])
		}
	}
	return widths
}
