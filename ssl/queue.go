package ssl

import (
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels"
)

// Queue declares a queue of embeddings, a state [size width] that starts as random unit vectors: normal numbers, divided by the norm of their row (He et
// al. 2019, arXiv:1911.05722; facebookresearch/moco, builder.py).
func (s *Step) Queue(name string, size, width int) *kernels.State {
	return s.Heads.Store.StateFrom(name, func() []float32 {
		src, v := s.Heads.Source(name), make([]float32, size*width)
		for from := 0; from < len(v); from += width {
			row, sum := make([]float64, width), 0.0
			for i := range row {
				row[i] = src.Normal()
				sum += float64(row[i] * row[i])
			}
			for i, x := range row {
				v[from+i] = float32(x / math.Sqrt(sum))
			}
		}
		return v
	}, size, width)
}

// Push replaces the oldest rows of a queue by x [M D], after the step: the loss uses the queue from the previous step. If a batch is computed in parts, those
// of all parts are pushed. It returns the number of rows that a step pushes.
func (s *Step) Push(queue *kernels.State, x *kernels.Tensor) int {
	all := kernels.GatherMicro(x, 1)
	if all.Rows() > queue.Shape[0] {
		panic(&kernels.BuildError{Op: queue.Name, Msg: fmt.Sprintf("%d embeddings of a step do not fit into a queue of %d: raise --queue or lower --batch", all.Rows(), queue.Shape[0])})
	}
	next := queuePosition{rows: all.Rows(), size: queue.Shape[0]}
	s.AfterUpdate(func(g *kernels.Graph) { queue.Push(g, all, s.Scalar(queue.Name+"_position", next)) })
	return next.rows
}

// queuePosition is the row of a queue to which a step writes first. It follows from the number of the step, so that checkpoints need not store it.
type queuePosition struct{ rows, size int }

// At returns the row.
func (q queuePosition) At(step, _ int) float64 { return float64(step * q.rows % q.size) }

// queueFor returns the length of a queue for a run: the 4096 of MoCo for CIFAR-10 and the 65,536 for ImageNet (facebookresearch/moco), about a sixteenth of
// the images in between and at most half of them, a multiple of the batch. With more, most of CIFAR-10 would be in the queue, which costs 15 points
// (AidenDurrant/MoCo-Pytorch, issue 1).
func queueFor(s Scale) int {
	n := min(max(4096, s.Images/16), 65536, s.Images/2)
	return max(n/s.Batch, 1) * s.Batch
}

// inBatch is the contrastive loss of a and b [N D], whose rows n belong to one image, at a temperature: mean over n of −log softmax_j(a_n·b_j/τ)[n].
func inBatch(a, b *kernels.Tensor, temperature float64) *kernels.Tensor {
	return kernels.InfoNCE(kernels.MatMul(kernels.Scale(a, 1/temperature), b, false, true), false)
}
