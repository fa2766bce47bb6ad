package train

import "github.com/marr-ssl/marr/kernels/rng"

// Streams of the run's seed, distinct from those of the views.
const (
	streamShuffle = 0x5348 // of samples, by epoch
	streamPasses  = 0x4c42 // of samples, by pass (passes)
)

// sampler chooses the samples of each step.
type sampler interface {
	perEpoch() int                             // number of steps
	at(step int) (samples []int, epoch uint32) // the samples of a step, and the epoch that their views are drawn for
}

// epochs shuffles n samples in each epoch and cuts the order into batches. Samples that do not fill a batch are left out, different ones in each epoch.
type epochs struct {
	n, batch int
	seed     uint64
}

func (e epochs) perEpoch() int { return e.n / e.batch }

func (e epochs) at(step int) ([]int, uint32) {
	epoch := uint32(step / e.perEpoch())
	order, out := rng.NewPermutation(e.n, e.seed, streamShuffle, epoch), make([]int, e.batch)
	for i := range out {
		out[i] = order.At(step%e.perEpoch()*e.batch + i)
	}
	return out, epoch
}

// passes shuffles n samples in each pass and joins the passes: a batch may hold the end of one and the start of the next, so that no sample is left
// out of a small set. Each step counts as an epoch.
type passes struct {
	n, batch int
	seed     uint64
}

func (passes) perEpoch() int { return 1 }

func (p passes) at(step int) ([]int, uint32) {
	out := make([]int, p.batch)
	for i := range out {
		at := step*p.batch + i
		out[i] = rng.NewPermutation(p.n, p.seed, streamPasses, uint32(at/p.n)).At(at % p.n)
	}
	return out, uint32(step)
}
