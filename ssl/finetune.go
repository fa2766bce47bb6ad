package ssl

import (
	"fmt"

	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/ssl/views"
	"marr/vk"
)

// Finetuning is supervised training of a whole network on few labels: an MLP d-d-classes with ReLU on top of the backbone, AdamW with cosine
// from LR to 0, crop 0.5–1 and flip, batch norm in training mode.
type Finetuning struct {
	Steps, Batch int
	LR, Decay    float64
	PerClass     int // labels a class
	Draws        int // how often labels are drawn and the network is trained; results are the mean
	Seed         uint64
}

// DefaultFinetuning is the protocol of `marr eval finetune` and the demo.
func DefaultFinetuning() Finetuning {
	return Finetuning{Steps: 60, Batch: 64, LR: 1e-3, Decay: 1e-4, PerClass: 10, Draws: 2, Seed: 1}
}

// Start gives a fresh backbone its first values: random ones, or those of a run.
type Start func(st *kernels.Store) error

// Finetune trains from start on the draws of labels from train and returns the mean accuracy on test, in percent.
func Finetune(dev *vk.Device, arch net.Config, px int, start Start, train, test *data.Set, f Finetuning) (float64, error) {
	total := 0.0
	for draw := range f.Draws {
		picked, err := eval.Sample(train.Labels, f.PerClass, f.Seed, draw)
		if err != nil {
			return 0, err
		}
		few := train.Subset(picked)
		percent, err := finetuneOnce(dev, arch, px, start, train, few, test, f, uint64(draw))
		if err != nil {
			return 0, err
		}
		total += percent
	}
	return total / float64(f.Draws), nil
}

// classifier is a backbone with the MLP on top.
type classifier struct{ backbone, head net.Module }

func (c classifier) Forward(x *kernels.Tensor, m net.Mode) *kernels.Tensor {
	return c.head.Forward(c.backbone.Forward(x, m), m)
}

func finetuneOnce(dev *vk.Device, arch net.Config, px int, start Start, train, few, test *data.Set, f Finetuning, draw uint64) (float64, error) {
	classes := train.NumClasses()
	st := kernels.NewStore(dev)
	defer st.Free()
	backbone, err := net.NewResNet(st, arch, f.Seed)
	if err != nil {
		return 0, err
	}
	c := classifier{backbone, net.NewHead(st, "head", backbone.Dim(), backbone.Dim(), classes, f.Seed+draw)}
	if err := start(st); err != nil {
		return 0, err
	}
	mean, std := train.Stats()
	b, err := newBatch(few, 0, mean, std, views.Finetune(views.Input{Size: px, Channels: train.C, Frames: 1}), min(f.Batch, few.Len()), f.Seed+draw)
	if err != nil {
		return 0, err
	}
	if err := supervise(dev, st, c, b, f, draw); err != nil {
		return 0, err
	}
	enc, err := NewEncoder(dev, st, c, mean, std, px, test)
	if err != nil {
		return 0, err
	}
	defer enc.Free()
	logits, err := enc.Features(test)
	if err != nil {
		return 0, err
	}
	return accuracy(logits), nil
}

// supervise runs the steps. Batches are drawn from passes over the few images, each in its own order; a pass goes on in the next batch.
func supervise(dev *vk.Device, st *kernels.Store, m net.Module, b *batch, f Finetuning, draw uint64) error {
	opt, err := net.NewOptimizer("adamw", f.Decay)
	if err != nil {
		return err
	}
	prog, err := kernels.Build(dev, st, func(g *kernels.Graph) {
		g.Segment("step")
		painted, _ := b.inputs(g)
		targets := g.Input("targets", kernels.I32, b.size)
		loss := kernels.CrossEntropy(m.Forward(painted[0], net.Train), targets)
		g.ClearGrads()
		g.Backward(loss)
		g.CheckFinite(loss)
		opt.Update(g)
		g.Fold()
	})
	if err != nil {
		return err
	}
	defer prog.Free()
	schedule := net.WarmupCosine{Peak: f.LR}
	n := b.set.Len()
	var queue []int
	var last *kernels.Run
	for step, pass := 0, uint32(0); step < f.Steps; step++ {
		for len(queue) < b.size {
			queue = append(queue, picked(f.Seed+draw, streamLabels, pass, n, 0, n)...)
			pass++
		}
		r, err := prog.Segment("step").Begin()
		if err != nil {
			return err
		}
		b.fill(r, queue[:b.size], uint32(step))
		targets := r.Ints("targets")
		for i, j := range queue[:b.size] {
			targets[i] = b.set.Labels[j]
		}
		queue = queue[b.size:]
		if prog.Segment("step").Has("micro") { // else no batch norm moves running statistics
			r.Set("micro", 0)
		}
		opt.Set(r, step, schedule.At(step, f.Steps))
		if err := r.Submit(); err != nil {
			return err
		}
		last = r
	}
	if err := last.Wait(); err != nil {
		return err
	}
	if tensor, applied := st.Verdict(last.Output("halt")); tensor != "" {
		return &NonFiniteError{Step: applied + 1, Tensor: tensor, Method: "fine-tuning"}
	}
	return nil
}

func accuracy(logits *eval.Features) float64 {
	right := 0
	for i := range logits.N {
		row := logits.X[i*logits.D : (i+1)*logits.D]
		best := 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		if int32(best) == logits.Labels[i] {
			right++
		}
	}
	return 100 * float64(right) / float64(logits.N)
}

// RandomStart leaves the random first values that NewResNet drew.
func RandomStart(*kernels.Store) error { return nil }

// FromCheckpoint starts from a run's backbone.
func FromCheckpoint(c *net.Checkpoint) Start {
	return func(st *kernels.Store) error {
		if err := c.RestoreBackbone(st); err != nil {
			return fmt.Errorf("fine-tune: %w", err)
		}
		return nil
	}
}
