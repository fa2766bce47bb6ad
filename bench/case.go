package bench

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/vk"
)

// Case is an op at one shape. Its passes are measured separately.
type Case struct {
	Group, Name string
	Batch       int // images or rows of one run on a fast device
	Passes      []Pass
	Inputs      func(n int) []Input // the op's inputs for n images or rows
	Out         func(n int) []int   // the shape of the result; nil: the case has no backward pass
	Op          func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor
}

// Input is an input tensor of a case. It holds random numbers in −1 … 1 or random bytes, unless Row fills row i.
type Input struct {
	Type  kernels.DType
	Shape []int
	Row   func(i int, dst []float32)
}

// Pass is one pass of a case. FLOP and Bytes are the minimum work for n images or rows: each operand is read and each result written once,
// whatever the kernels do.
type Pass struct {
	Name  string
	FLOP  func(n int) float64 // nil: the pass is memory-bound and its share refers to the copy bandwidth
	Bytes func(n int) float64
}

// The passes. Auxiliary dispatches count toward the pass that needs them: transposed weights toward the first pass that reads them, sums
// of partial results toward the gradient that they complete.
const (
	forward  = "forward"
	backward = "backward" // of all inputs and parameters at once
	dgrad    = "dgrad"    // the gradient of the input
	wgrad    = "wgrad"    // the gradient of the weight
	update   = "update"
)

// caseProgram is the program of a case on a device.
type caseProgram struct {
	store *kernels.Store
	prog  *kernels.Program
}

func (b *caseProgram) free() {
	if b.prog != nil {
		b.prog.Free()
	}
	b.store.Free()
}

// The segments of a case's program. dataSegment fills the inputs once; they stay on the device.
const (
	dataSegment = "data"
	opSegment   = "op"
)

// build records a case for n images or rows and fills its inputs. Without track, the backward pass computes the gradients of the
// parameters only.
func (c Case) build(dev *vk.Device, n int, track bool, t *kernels.Tuner) (*caseProgram, error) {
	b := &caseProgram{store: kernels.NewStore(dev)}
	b.store.SetTuner(t)
	inputs := c.Inputs(n)
	if c.Out != nil {
		inputs = append(inputs, Input{Shape: c.Out(n)})
	}
	var err error
	b.prog, err = kernels.Build(dev, b.store, func(g *kernels.Graph) {
		g.EnableTiming()
		g.Segment(dataSegment)
		var in []*kernels.Tensor
		for i, x := range inputs {
			in = append(in, g.Input(inputName(i), x.Type, x.Shape...))
			if track && x.Type == kernels.F32 {
				in[i].Track()
			}
		}
		g.Segment(opSegment)
		if c.Out == nil {
			c.Op(g, in)
			return
		}
		last := len(in) - 1
		g.BackwardFrom(c.Op(g, in[:last]), in[last])
	})
	if err == nil {
		err = b.fill(inputs)
	}
	if err != nil {
		b.free()
		return nil, err
	}
	return b, nil
}

func inputName(i int) string { return "input " + string(rune('a'+i)) }

// fill runs the data segment. A GPU needs more power, and so more time, for random numbers than for zeros. A repeated block is as costly.
func (b *caseProgram) fill(inputs []Input) error {
	r, err := b.prog.Segment(dataSegment).Begin()
	if err != nil {
		return err
	}
	block := make([]float32, 4093) // prime: rows do not repeat
	rng.New(1).Uniform(block, -1, 1)
	for i, x := range inputs {
		if x.Type == kernels.U8 {
			for j, pixels := 0, r.Bytes(inputName(i)); j < len(pixels); j++ {
				pixels[j] = byte(255 * (block[j%len(block)] + 1) / 2)
			}
			continue
		}
		x.write(r.Floats(inputName(i)), block)
	}
	if err := r.Submit(); err != nil {
		return err
	}
	return r.Wait()
}

// write fills padded rows. The lanes after a row's width stay zero.
func (x Input) write(dst, block []float32) {
	width, rows, at := x.Shape[len(x.Shape)-1], 1, 0
	for _, v := range x.Shape[:len(x.Shape)-1] {
		rows *= v
	}
	stride := len(dst) / rows
	for r := range rows {
		row := dst[r*stride : r*stride+width]
		if x.Row != nil {
			x.Row(r, row)
			continue
		}
		for c := range row {
			row[c] = block[at]
			if at++; at == len(block) {
				at = 0
			}
		}
	}
}

// run runs the case once and returns the times of its ops. The scalars of batch norm and optimizer are those of a first step.
func (b *caseProgram) run() ([]kernels.OpTime, error) {
	seg := b.prog.Segment(opSegment)
	r, err := seg.Begin()
	if err != nil {
		return nil, err
	}
	for name, v := range map[string]float64{"micro": 0, "lr": 1e-3, "decay": 0, "c1": 0.1, "c2": 0.001} {
		if seg.HasScalar(name) {
			r.Set(name, v)
		}
	}
	if err := r.Submit(); err != nil {
		return nil, err
	}
	if err := r.Wait(); err != nil {
		return nil, err
	}
	return r.Times()
}
