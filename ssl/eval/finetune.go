package eval

import (
	"context"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/vk"
)

// FinetuneConfig is the protocol of fine-tuning: supervised training of a whole network on few labels, with an MLP of widths d, d, classes and a ReLU on
// top of the backbone, AdamW with a cosine schedule from LR to 0, crops of 0.5–1 of the area and flips, and batch norm in training mode.
type FinetuneConfig struct {
	Steps, Batch int
	LR, Decay    float64
	PerClass     int // labels per class
	Draws        int // draws of labels; each trains the network anew, and the result is the mean
	Seed         uint64
	Progress     func(draw, step, steps int) // called after each step, draws counted from 0; nil: not
}

// DefaultFinetuneConfig returns the protocol of `marr eval finetune` and the demo.
func DefaultFinetuneConfig() FinetuneConfig {
	return FinetuneConfig{Steps: 60, Batch: 64, LR: 1e-3, Decay: 1e-4, PerClass: 10, Draws: 2, Seed: 1}
}

// Start sets the values of the backbone in a store from which fine-tuning starts.
type Start func(st *kernels.Store) error

// StartFromRandom returns a Start with the initial values of a backbone for this seed.
func StartFromRandom(network net.Config, seed uint64) Start {
	return func(st *kernels.Store) error {
		initial := kernels.NewStore(st.Device())
		if _, err := network.New(initial, seed); err != nil {
			return err
		}
		values := map[string]*kernels.Param{}
		for _, p := range initial.Params() {
			values[p.Name] = p
		}
		for _, p := range st.Params() {
			if source := values[p.Name]; source != nil {
				v, err := source.Read()
				if err == nil {
					err = p.Write(v)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// StartFromCheckpoint returns a Start with the exported backbone of a checkpoint.
func StartFromCheckpoint(c *net.Checkpoint) Start { return c.RestoreBackbone }

// Network is a backbone, the preparation of its images, and its values at the start.
type Network struct {
	Config train.Config // Arch, Backbone and Norm
	Inputs Inputs       // mean and deviation are those that the backbone was trained with
	Start  Start
}

// Finetune trains on each draw of labels from a training set and returns the mean accuracy on a test set, in percent. The images are normalized as for the
// pre-training, by n.Inputs. Labels may have gaps. Errors, before anything is trained: a class with fewer than PerClass images, a test label that no
// training image has. Once ctx is done, Finetune returns ctx.Err().
func Finetune(ctx context.Context, dev *vk.Device, n Network, trainSet, test *data.Set, f FinetuneConfig) (float64, error) {
	if f.Draws < 1 {
		return 0, fmt.Errorf("eval: fine-tuning: %d draws of labels: want at least 1", f.Draws)
	}
	if len(test.Labels) == 0 {
		return 0, fmt.Errorf("eval: fine-tuning: test set %s has no labels: use labeled images", test.Name)
	}
	trainLabels, testLabels, classes, err := countFromZero(trainSet.Name, trainSet.Labels, test.Name, test.Labels)
	if err != nil {
		return 0, err
	}
	dense, test := relabeled(trainSet, trainLabels, classes), relabeled(test, testLabels, classes)
	total := 0.0
	for draw := range f.Draws {
		few, err := Sample(trainSet.Labels, f.PerClass, f.Seed, draw)
		if err != nil {
			return 0, err
		}
		percent, err := finetuneOnce(ctx, dev, n, dense.Subset(few), test, f, draw)
		if err != nil {
			return 0, err
		}
		total += percent
	}
	return total / float64(f.Draws), nil
}

// relabeled returns a set with labels of this many classes, without their names. It shares the images of s and must not be closed.
func relabeled(s *data.Set, labels []int32, classes int) *data.Set {
	t := *s
	t.Labels, t.Classes = labels, make([]string, classes)
	return &t
}

// classifier is the method that fine-tuning trains with, and the network that it trains: a backbone with an MLP on top.
type classifier struct{ backbone, head net.Module }

func (*classifier) Views(in views.Input) ([]views.Spec, error) { return views.Finetune(in), nil }

func (c *classifier) Loss(s *ssl.Step) *kernels.Tensor {
	dim := s.Backbone.Dim()
	c.backbone, c.head = s.Backbone, s.Heads.MLP("head", dim, dim, s.NumLabels)
	return s.Classify(c.Forward(s.Views[0], net.Train), s.Labels())
}

func (c *classifier) Forward(x *kernels.Tensor, m net.Mode) *kernels.Tensor {
	return c.head.Forward(c.backbone.Forward(x, m), m)
}

func finetuneOnce(ctx context.Context, dev *vk.Device, n Network, few, test *data.Set, f FinetuneConfig, draw int) (float64, error) {
	c := n.Config
	c.Epochs, c.Batch, c.Accumulate, c.Optimizer, c.Schedule = f.Steps, min(f.Batch, few.Len()), 1, "adamw", "cosine"
	c.LR, c.BaseLR, c.LREnd, c.Beta2, c.Decay, c.DecayEnd, c.Warmup, c.Seed, c.Clip, c.ClipEach = f.LR, 0, 0, net.DefaultBeta2, f.Decay, f.Decay, 0, f.Seed+uint64(draw), 0, 0
	c.Size = n.Inputs.Size
	m := &classifier{}
	t, err := train.New(kernels.NewStore(dev), c, train.Job{Name: "fine-tuning", Method: m, Set: few, Mean: n.Inputs.Mean, Std: n.Inputs.Std, Passes: true})
	if err != nil {
		return 0, err
	}
	defer t.Free()
	if err := n.Start(t.Store); err != nil {
		return 0, fmt.Errorf("eval: fine-tuning: %w", err)
	}
	progress := func(r train.StepResult) {
		if f.Progress != nil {
			f.Progress(draw, r.Step, t.Steps())
		}
	}
	if err := t.Train(ctx, t.Steps(), progress); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil { // Train returns nil
		return 0, fmt.Errorf("eval: fine-tuning: %w", err)
	}
	enc, err := NewEncoder(t.Store, m, n.Inputs, test)
	if err != nil {
		return 0, err
	}
	defer enc.Free()
	logits, err := enc.Features(ctx, test)
	if err != nil {
		return 0, err
	}
	return accuracy(logits), nil
}

// accuracy returns the percentage of rows whose largest logit is that of the label.
func accuracy(logits *Features) float64 {
	correct := 0
	for i := range logits.N {
		if row := logits.X[i*logits.D : (i+1)*logits.D]; int32(train.ArgMax(row)) == logits.Labels[i] {
			correct++
		}
	}
	return 100 * float64(correct) / float64(logits.N)
}
