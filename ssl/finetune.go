package ssl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// Finetune predicts the labels of the images by a pre-trained backbone with an MLP on top, and trains both or the MLP alone. It is not registered: its
// runs start from a backbone, and their product is the classifier.
type Finetune struct {
	Freeze     bool    `flag:"freeze" help:"keep the backbone as it is, with batch norm in inference mode, and train the head alone"`
	HeadHidden string  `flag:"head-hidden" help:"widths of the hidden layers of the head, such as 512 or 512,128; 0: one linear layer; default: one layer of the features' width"`
	BackboneLR float64 `flag:"backbone-lr" help:"learning rate of the backbone, as a multiple of that of the head" want:"above 0"`

	classifier *net.Classifier
}

var _ Method = (*Finetune)(nil)

// NewFinetune returns a Finetune with its defaults.
func NewFinetune() *Finetune { return &Finetune{BackboneLR: 1} }

// FinetuneName is the name of the method Finetune in the configuration of a run.
const FinetuneName = "finetune"

// Views returns views.Finetune: one view.
func (m *Finetune) Views(in views.Input) ([]views.Spec, error) { return views.Finetune(in), nil }

// Check returns an error for widths of the head that cannot be read.
func (m *Finetune) Check() error {
	_, err := m.hidden(1)
	return err
}

// hidden returns the widths of the hidden layers for features of a width.
func (m *Finetune) hidden(dim int) (widths []int, err error) {
	switch m.HeadHidden {
	case "":
		return []int{dim}, nil
	case "0":
		return nil, nil
	}
	for _, text := range strings.Split(m.HeadHidden, ",") {
		w, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || w < 1 || w > maxHidden {
			return nil, fmt.Errorf("ssl: --head-hidden %q: want widths of 1 to %d, such as 512 or 512,128, or 0 for a linear head", m.HeadHidden, maxHidden)
		}
		widths = append(widths, w)
	}
	return widths, nil
}

// maxHidden is the largest width of a hidden layer.
const maxHidden = 1 << 16

// Loss returns the cross entropy of the labels.
func (m *Finetune) Loss(s *Step) *kernels.Tensor {
	requireViews("fine-tuning", s, 1)
	if s.NumLabels < 2 {
		panic(&kernels.BuildError{Op: "fine-tuning", Msg: "the images have no labels of at least two classes: use one folder per class, or a data-set file with labels"})
	}
	hidden, err := m.hidden(s.Backbone.Dim())
	if err != nil {
		panic(&kernels.BuildError{Op: "fine-tuning", Msg: strings.TrimPrefix(err.Error(), "ssl: ")})
	}
	m.classifier = s.Heads.Classifier(s.Backbone, hidden, s.NumLabels, m.Freeze)
	if !m.Freeze {
		for _, p := range s.Heads.Store.Params() {
			if strings.HasPrefix(p.Name, net.BackbonePrefix) {
				p.LR = m.BackboneLR
			}
		}
	}
	return s.Classify(m.classifier.Forward(s.Views[0], net.Train), s.Labels())
}

// Classifier returns the network that the last call of Loss built.
func (m *Finetune) Classifier() *net.Classifier { return m.classifier }
