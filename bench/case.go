package bench

import (
	"marr/kernels"
	"marr/kernels/rng"
	"marr/vk"
)

// Case is an op at one shape, measured pass by pass.
type Case struct {
	Group, Name string
	Batch       int // images or rows of one run on a fast device
	Passes      []Pass
	Inputs      func(n int) []Input // what the op reads, for n images or rows
	Out         func(n int) []int   // the shape of its result; nil: no gradient flows back from it
	Op          func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor
}

// Input is a tensor that a case reads: random numbers of −1 … 1 or random bytes, unless Row fills row i.
type Input struct {
	Type  kernels.DType
	Shape []int
	Row   func(i int, dst []float32)
}

// Pass is what a case is measured at. FLOP and Bytes are for n images or rows: the least that the pass has to compute and to move, each
// operand read and each result written once, whatever the kernels do.
type Pass struct {
	Name  string
	FLOP  func(n int) float64 // nil: the pass is bound by memory, and its share is of the copy bandwidth
	Bytes func(n int) float64
}

// The passes. Helper dispatches count to the pass they belong to: turned weights to the first pass that needs them, sums of partial results
// to the gradient that they end.
const (
	forward  = "forward"
	backward = "backward" // of all inputs and parameters at once
	dgrad    = "dgrad"    // the gradient of the input
	wgrad    = "wgrad"    // the gradient of the weight
	update   = "update"
)

// built is a case's program on a device.
type built struct {
	store *kernels.Store
	prog  *kernels.Program
}

func (b *built) free() {
	if b.prog != nil {
		b.prog.Free()
	}
	b.store.Free()
}

// The segments of a case's program: the inputs are filled once and stay where the op reads them.
const (
	dataSegment = "data"
	opSegment   = "op"
)

// build records a case for n images or rows and fills its inputs. Without track no gradient flows into the inputs, so that the backward
// pass is the parameters' alone.
func (c Case) build(dev *vk.Device, n int, track bool, t *kernels.Tuner) (*built, error) {
	b := &built{store: kernels.NewStore(dev)}
	b.store.Tune(t)
	inputs := c.Inputs(n)
	if c.Out != nil {
		inputs = append(inputs, Input{Shape: c.Out(n)})
	}
	var err error
	b.prog, err = kernels.Build(dev, b.store, func(g *kernels.Graph) {
		g.Time()
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

// fill runs the data segment. Random numbers cost a GPU more power than zeros, hence time; a short block of them, repeated, costs as much.
func (b *built) fill(inputs []Input) error {
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

// write fills padded rows; the lanes behind a row's width stay zero.
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

// run times the ops of one run of the case. Scalars of batch norm and optimizer are those of a first step.
func (b *built) run() ([]kernels.OpTime, error) {
	seg := b.prog.Segment(opSegment)
	r, err := seg.Begin()
	if err != nil {
		return nil, err
	}
	for name, v := range map[string]float64{"micro": 0, "lr": 1e-3, "decay": 0, "c1": 0.1, "c2": 0.001} {
		if seg.Has(name) {
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
