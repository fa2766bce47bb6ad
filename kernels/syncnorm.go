package kernels

import "github.com/marr-ssl/marr/vk"

// synced is how the batch norms of several devices normalize together.
type synced struct {
	devices int // 0 or 1: each device by itself
	gather  Gather
}

// Gather sets all to the concatenation of the `mine` of every device, in their order.
type Gather func(mine, all []byte) error

// SyncNorms makes the batch norms recorded from now on normalize over the rows of n devices together. Every device records the same program and runs it at
// the same time, with as many rows. A run calls gather once for each norm in the forward pass, with mean and variance, and once in the backward pass, with
// the two sums of its gradient, so that Submit waits for all devices. The k micro-batches of a step (Micro) are k/n of each device, the first device's first;
// the j'th of all devices are one population, and UpdateRunningStats updates the running statistics by k/n populations. The result is that of one device
// with k/n micro-batches, but for the order in which sums are rounded. n must divide k. Norms of segments that run once in a step are not synchronized: every
// device computes the same there.
func (g *Graph) SyncNorms(n int, gather Gather) { g.synced = synced{n, gather} }

// populations returns the number of batches that a norm normalizes in a step, and the number of devices that compute each.
func (g *Graph) populations() (number, devices int) {
	k, n := max(g.update.micro, 1), max(g.synced.devices, 1)
	if k == 1 {
		return 1, 1
	}
	if k%n != 0 {
		misuse("SyncNorms", "%d micro-batches on %d devices: each must compute as many", k, n)
	}
	return k / n, n
}

// ofAllDevices returns a tensor of each device, [1 …] → [devices …].
func (g *Graph) ofAllDevices(x *Tensor) *Tensor {
	_, n := g.populations()
	all := g.alloc("all "+x.name, x.dtype, append([]int{n}, x.shape[1:]...))
	g.steps = append(g.steps, &step{label: "gather " + x.name, host: true, segment: g.segmentIndex(), binds: []bound{
		{mem: x.mem, offset: x.from, size: x.bytes(), access: vk.Read, float: true},
		{mem: all.mem, size: all.bytes(), access: vk.Write, float: true}}})
	return all
}

// allocateGathers allocates the host memory that all gathers of a program use in turn.
func (p *Program) allocateGathers(g *Graph) (err error) {
	var mine, all int64
	for _, x := range g.steps {
		if x.host {
			mine, all = max(mine, x.binds[0].size), max(all, x.binds[1].size)
		}
	}
	if mine == 0 {
		return nil
	}
	if p.mine, err = p.dev.NewBuffer(mine, vk.Readback, "statistics of this device"); err != nil {
		return p.memoryError(err)
	}
	p.all, err = p.dev.NewBuffer(all, vk.Upload, "statistics of all devices")
	return p.memoryError(err)
}

// hostGather is where a segment waits for the other devices: it copies a tensor to the host, which exchanges it with them, and copies the result back.
type hostGather struct {
	gather    Gather
	mine, all []byte
	out, in   *vk.Segment
}

// newGather records the copies of a host step.
func (s *Segment) newGather(gather Gather, x *step) (h *hostGather, err error) {
	mine, all := placed{at: s.p.at(x.binds[0])}, placed{at: s.p.at(x.binds[1])}
	h = &hostGather{gather: gather, mine: s.p.mine.Bytes()[:mine.at.Size], all: s.p.all.Bytes()[:all.at.Size]}
	if h.out, err = s.copies([]placed{mine}, s.p.mine, false); err != nil {
		return nil, err
	}
	if h.in, err = s.copies([]placed{all}, s.p.all, true); err != nil {
		h.out.Free()
		return nil, err
	}
	return h, nil
}

func (h *hostGather) free() {
	h.out.Free()
	h.in.Free()
}
