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

// meeting is where a segment waits for the other devices: it copies a tensor to host memory, exchanges it with them, and copies the result back.
type meeting struct {
	gather    Gather
	mine, all *vk.Buffer
	out, in   *vk.Segment
}

// newMeeting records the copies of a host step.
func (p *Program) newMeeting(gather Gather, x *step) (m *meeting, err error) {
	m = &meeting{gather: gather}
	defer func() {
		if err != nil {
			m.free()
		}
	}()
	from, to := p.at(x.binds[0]), p.at(x.binds[1])
	if m.mine, err = p.dev.NewBuffer(from.Size, vk.Readback, x.label); err != nil {
		return nil, err
	}
	if m.all, err = p.dev.NewBuffer(to.Size, vk.Upload, x.label); err != nil {
		return nil, err
	}
	if m.out, err = p.copies(m.mine.All(), from); err != nil {
		return nil, err
	}
	m.in, err = p.copies(to, m.all.All())
	return m, err
}

func (p *Program) copies(to, from vk.Range) (*vk.Segment, error) {
	r := p.dev.NewRecorder()
	r.Copy(to, from)
	return r.End()
}

func (m *meeting) free() {
	for _, s := range []*vk.Segment{m.out, m.in} {
		if s != nil {
			s.Free()
		}
	}
	for _, b := range []*vk.Buffer{m.mine, m.all} {
		if b != nil {
			b.Free()
		}
	}
}

// meet runs segments, and after the last of them the meeting. It returns the segment that must run next.
func (p *Program) meet(m *meeting, before []*vk.Segment) (*vk.Segment, error) {
	t, err := p.dev.Submit(append(before, m.out)...)
	if err == nil {
		err = t.Wait()
	}
	if err == nil {
		err = m.gather(m.mine.Bytes(), m.all.Bytes())
	}
	return m.in, err
}
