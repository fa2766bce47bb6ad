package kernels

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/marr-ssl/marr/vk"
)

const (
	// maxScratch is the most memory for timing a candidate, in bytes.
	maxScratch = 1 << 30
	// timedFraction divides the work of about half a second (vk.Device.WorkBudget) to give the work of a timed dispatch.
	timedFraction = 100
	// warmUp is how long a device runs before its first time counts. GPUs lower their clock while they idle and take tens of milliseconds to
	// raise it: without a warm-up the candidates that are timed last would win.
	warmUp = 200 * time.Millisecond
	// coolDown is how long a device may idle before it needs another warm-up.
	coolDown = 50 * time.Millisecond
	// maxRepeatTime bounds the time for repeating one candidate.
	maxRepeatTime = 200 * time.Millisecond
)

// candidate is a variant with a part of its launch, recorded on scratch memory.
type candidate struct {
	kernel  string // of the variant
	launch  launch
	rows    int // of the part
	shader  vk.Kernel
	segment *vk.Segment
	scale   float64 // all rows / rows of the part
	best    float64 // shortest time of the launch in nanoseconds; 0: not timed
	spent   time.Duration
}

// measure times variants on scratch memory, in turn, so that a change of the device's clock or load meets all of them. It returns the shortest time of
// the whole launch by kernel, in microseconds, without those that the device cannot bind or compile, or for which memory is short.
func (t *Tuner) measure(g *Graph, options []variant, launch func(variant) launch) map[string]float64 {
	var all []*candidate
	var shaders []vk.Kernel
	var need int64
	for _, v := range options {
		c, bytes, err := g.newCandidate(v, launch)
		if err != nil {
			continue
		}
		all, shaders, need = append(all, c), append(shaders, c.shader), max(need, bytes)
	}
	scratch, err := g.dev.NewBuffer(need, vk.DeviceLocal, "tuning")
	if err != nil {
		return nil
	}
	defer scratch.Free()
	if err := fillMemory(g.dev, 0, scratch); err != nil {
		return nil
	}
	_, _ = g.dev.Pipelines(shaders) // several at once; record returns the error of each
	all = slices.DeleteFunc(all, func(c *candidate) bool { return c.record(g.dev, scratch) != nil })
	for _, c := range all {
		defer c.segment.Free()
	}
	run := func(c *candidate) (time.Duration, error) { return c.run(g.dev) }
	all = slices.DeleteFunc(all, func(c *candidate) bool { // the first run may include compilation
		_, err := run(c)
		return err != nil
	})
	if g.dev.Info().Type != vk.CPU && time.Since(t.busy) > coolDown {
		warm(all, run)
	}
	rounds := 3
	if t.mode == TuneFull {
		rounds = 15
	}
	inTurn(all, rounds, run)
	t.busy = time.Now()
	micros := map[string]float64{}
	for _, c := range all {
		if c.best > 0 {
			micros[c.kernel] = c.best / 1e3
		}
	}
	return micros
}

// warm keeps the device busy for the time warmUp.
func warm(all []*candidate, run func(c *candidate) (time.Duration, error)) {
	start := time.Now()
	for i := 0; len(all) > 0 && time.Since(start) < warmUp; i++ {
		if _, err := run(all[i%len(all)]); err != nil {
			return // inTurn leaves the candidate out
		}
	}
}

// inTurn runs each candidate once in each round and keeps its shortest time. A candidate leaves when it takes twice as long as the fastest, when it has
// run for maxRepeatTime, or when it fails, which erases its time.
func inTurn(all []*candidate, rounds int, run func(c *candidate) (time.Duration, error)) {
	left := slices.Clone(all)
	for range rounds {
		left = slices.DeleteFunc(left, func(c *candidate) bool {
			d, err := run(c)
			if err != nil {
				c.best = 0
				return true
			}
			took := float64(max(d, 1)) * c.scale
			if c.spent += d; c.best == 0 || took < c.best {
				c.best = took
			}
			return c.spent > maxRepeatTime
		})
		least := 0.0
		for _, c := range all {
			if c.best > 0 && (least == 0 || c.best < least) {
				least = c.best
			}
		}
		left = slices.DeleteFunc(left, func(c *candidate) bool { return c.best > 2*least })
	}
}

// newCandidate returns a candidate that is not recorded yet, and the bytes of scratch memory that it needs.
func (g *Graph) newCandidate(v variant, launch func(variant) launch) (c *candidate, need int64, err error) {
	defer recoverBuildError(&err) // the device cannot bind this candidate
	l := launch(v)
	n := g.timedRows(l)
	c = &candidate{kernel: v.kernel, launch: l, rows: n, scale: float64(l.rows) / float64(n)}
	if c.shader, err = kernelFor(g.dev, l.kernel, l.halves(), l.spec); err != nil {
		return nil, 0, err
	}
	for _, size := range c.sizes() {
		need += (size + align - 1) / align * align
	}
	if need > maxScratch {
		return nil, 0, fmt.Errorf("kernels: timing %s needs %d bytes: at most %d are used", l.kernel, need, int64(maxScratch))
	}
	return c, need, nil
}

// timedRows returns the number of rows of a launch to time: a fraction of the work, but on a GPU enough to keep it busy. A grid that leaves a GPU
// partly idle would favor small tiles.
func (g *Graph) timedRows(l launch) int {
	unit, most := max(l.unit, 1), g.slice(l)
	n := min(most, max(1, int(float64(l.rows)*g.dev.WorkBudget()/timedFraction/max(l.work, 1)))/unit*unit+unit)
	if g.dev.Info().Type == vk.CPU {
		return n
	}
	for n < most && l.groups(n)[0]*l.groups(n)[1]*l.groups(n)[2] < 4*minGroups {
		n = min(most, 2*n)
	}
	return n
}

// sizes returns the bytes of each binding of the part.
func (c *candidate) sizes() (sizes []int64) {
	for _, b := range c.launch.binds {
		size := b.t.bytes()
		if b.split {
			size = size / int64(c.launch.rows) * int64(c.rows)
		}
		sizes = append(sizes, size)
	}
	return sizes
}

// record records the part. Scratch memory holds zeros, and the products of zeros that it gets are finite.
func (c *candidate) record(dev *vk.Device, scratch *vk.Buffer) (err error) {
	defer recoverBuildError(&err)
	l, n := c.launch, c.rows
	d := vk.Dispatch{Groups: l.groups(n), Label: "tune " + l.kernel, Work: l.work / c.scale}
	if d.Pipeline, err = dev.Pipeline(c.shader); err != nil {
		return err
	}
	for _, w := range l.push(0, n).pack(l.kernel) {
		d.Push = binary.LittleEndian.AppendUint32(d.Push, w)
	}
	var at int64
	for i, size := range c.sizes() {
		d.Bindings = append(d.Bindings, vk.Binding{Range: vk.Range{Buffer: scratch, Offset: at, Size: size}, Access: l.binds[i].access, Half: l.binds[i].t.dtype == F16})
		at += (size + align - 1) / align * align
	}
	r := dev.NewRecorder()
	r.EnableTiming()
	r.Dispatch(d)
	c.segment, err = r.End()
	return err
}

// run runs the part once and returns its time.
func (c *candidate) run(dev *vk.Device) (time.Duration, error) {
	ticket, err := dev.Submit(c.segment)
	if err != nil {
		return 0, err
	}
	if err := ticket.Wait(); err != nil {
		return 0, err
	}
	times, err := c.segment.Times()
	if err != nil {
		return 0, err
	}
	return times[0], nil
}
