package optest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/vk"
)

// Bench holds the devices that cases run on.
type Bench struct {
	Device *vk.Device
	// Narrow is the same device with NarrowRange as its Options.StorageRange.
	Narrow *vk.Device
}

// NarrowRange is the smallest binding limit, in bytes, for the shapes of the cases: 512 vectors, which one group scans in gradients.
const NarrowRange = 8192

// prepared is a case with its inputs and what the reference makes of them.
type prepared struct {
	Case
	drawn     map[string][]float32
	want      *ref.Tensor
	shape     []int // of the op's result
	cotangent []float32
	slopes    func() map[string][]slope // by input, computed on first use
}

// slope is the reference's derivative of Σ cotangent⊙y along the signs v.
type slope struct {
	v    []float64
	want float64
}

func prepare(c Case) *prepared {
	p := &prepared{Case: c, drawn: c.draw()}
	p.want = c.Ref(c.values(p.drawn))
	p.shape = p.want.Shape
	p.cotangent = make([]float32, volume(p.shape))
	stream(c.Name, cotangent).Uniform(p.cotangent, -1, 1)
	p.slopes = sync.OnceValue(p.differentiate)
	return p
}

// Check performs the package's checks on the cases. Each program holds all cases. The error is that of a lost device, or of ctx; both end the checks.
// Every other problem, such as a kernel that the driver cannot compile, is a failure in the report.
func (b Bench) Check(ctx context.Context, cases ...Case) (*Report, error) {
	r := &runner{Bench: b, ctx: ctx, report: &Report{Cases: len(cases)}}
	for _, c := range cases {
		p := prepare(c)
		r.all = append(r.all, p)
		if p.backward() {
			r.differentiable = append(r.differentiable, p)
			go p.slopes() // while the device compiles
		}
		if c.Split {
			r.split = append(r.split, p)
		}
	}
	r.runAll()
	if r.end == nil {
		for _, c := range r.all {
			r.check(c)
		}
	}
	return r.report, r.end
}

// runner runs all cases of one Check in every setup.
type runner struct {
	Bench
	ctx                        context.Context
	all, differentiable, split []*prepared
	report                     *Report
	end                        error // why the checks ended early: the device was lost, or ctx is done

	base, again, eager, narrow, eagerNarrow, double byCase
	words                                           []string // values of MARR_KERNELS
	forced, forcedNarrow                            map[string]byCase
}

// programCheck is the Check of a failure to build or to run a program.
const programCheck = "program"

// byCase holds the results of one setup, without the cases that it did not run.
type byCase map[*prepared]*result

// on runs cases. It returns their results, nil after a failure, and the kernels that they were offered.
func (r *runner) on(cases []*prepared, s setup) (byCase, []string) {
	if r.end == nil {
		r.end = r.ctx.Err()
	}
	if len(cases) == 0 || r.end != nil {
		return nil, nil
	}
	results, offered, err := exec(cases, s)
	if errors.Is(err, vk.ErrDeviceLost) {
		r.end = fmt.Errorf("%s: %w", s.name, err)
		return nil, nil
	}
	if err != nil {
		r.report.fail(nil, s.name, programCheck, "%v", err)
	}
	return results, offered
}

func (r *runner) runAll() {
	results := func(cases []*prepared, s setup) byCase {
		out, _ := r.on(cases, s)
		return out
	}
	poison := func(s *vk.Settings) { s.Poison, s.Eager = true, false } // overrides the environment of the whole test run
	var offered []string
	r.base, offered = r.on(r.all, setup{name: "first run", dev: r.Device, change: func(s *vk.Settings) { s.Poison = true }, runs: 1})
	r.again = results(r.all, setup{name: "replayed on reused memory", dev: r.Device, change: func(s *vk.Settings) { s.Poison = false }, runs: 2})
	r.eager = results(r.all, setup{name: "eager", dev: r.Device, change: func(s *vk.Settings) { s.Eager = true }, runs: 1})
	r.narrow = results(r.split, setup{name: "bound in parts", dev: r.Narrow, change: poison, runs: 1})
	r.eagerNarrow = results(r.split, setup{name: "eager, bound in parts", dev: r.Narrow, change: func(s *vk.Settings) { s.Poison, s.Eager = true, true }, runs: 1})
	r.double = results(r.differentiable, setup{name: "accumulated", dev: r.Device, change: poison, twice: true, runs: 1})
	r.words, r.forced, r.forcedNarrow = kernels.ForcedVariants(r.Device, offered), map[string]byCase{}, map[string]byCase{}
	for _, w := range r.words {
		limit := func(s *vk.Settings) { s.Kernels, s.Poison, s.Eager = w, true, false }
		r.forced[w] = results(r.all, setup{name: w, dev: r.Device, change: limit, runs: 1})
		r.forcedNarrow[w] = results(r.split, setup{name: w + ", bound in parts", dev: r.Narrow, change: limit, runs: 1})
	}
}

// check compares the results of a case. Setups that failed have none.
func (r *runner) check(c *prepared) {
	once := func(Input) float32 { return 1 }
	base := r.base[c]
	if base != nil {
		r.report.checkAll(c, "", base)
		r.report.checkInputs(c, base)
		r.report.checkSame(c, "replayed on reused memory", r.again[c], base, func(x Input) float32 {
			if x.Kind == Parameter {
				return 2 // its gradient was not cleared between the runs
			}
			return 1
		})
		r.report.checkSame(c, "eager", r.eager[c], base, once)
		if c.Split {
			r.report.checkSame(c, "bound in parts", r.narrow[c], base, once)
			r.report.checkSame(c, "eager, bound in parts", r.eagerNarrow[c], base, once)
			r.checkSplit(c)
		}
		if sum := r.double[c]; sum != nil {
			halve(sum)
			if c.Repeats {
				r.report.checkBackward(c, "accumulated", sum)
			} else {
				r.report.checkSame(c, "accumulated", sum, base, once)
			}
		}
	}
	for _, w := range r.words {
		if forced := r.forced[w][c]; forced != nil {
			r.report.checkAll(c, w, forced)
			r.report.checkSame(c, w+", bound in parts", r.forcedNarrow[w][c], forced, once)
		}
	}
}

// checkSplit requires that the device with the small limit runs more dispatches.
func (r *runner) checkSplit(c *prepared) {
	parts, err := c.steps(r.Narrow)
	whole, err2 := c.steps(r.Device)
	if err = errors.Join(err, err2); err != nil {
		r.report.fail(c, "bound in parts", programCheck, "%v", err)
	} else if parts <= whole {
		r.report.fail(c, "bound in parts", "steps", "%d on the device with the small limit, %d on the other: nothing was split", parts, whole)
	}
}

// checkAll compares a result with the reference.
func (r *Report) checkAll(c *prepared, setup string, out *result) {
	r.checkPads(c, setup, out)
	r.checkForward(c, setup, out)
	r.checkBackward(c, setup, out)
}

// halve divides a result and its gradients by two, which is exact.
func halve(out *result) {
	for _, v := range append(slices.Collect(maps.Values(out.grads)), out.y) {
		for i := range v {
			v[i] /= 2
		}
	}
}

func stride(width int) int { return (width + 3) / 4 * 4 }

// unpack returns the logical values of a tensor in memory. A parameter has more rows there than in its shape.
func unpack(padded []float32, shape []int) []float32 {
	v := make([]float32, volume(shape))
	kernels.Unpack(v, padded, width(shape))
	return v
}

// checkPads requires zeros in the lanes that pad rows and in the rows that pad a parameter.
func (r *Report) checkPads(c *prepared, setup string, out *result) {
	check := func(name string, padded []float32, shape []int) {
		w := width(shape)
		for i, v := range padded {
			if (i%stride(w) >= w || i >= volume(shape)/w*stride(w)) && v != 0 {
				r.fail(c, setup, name, "pad lane %d is %v, want 0", i, v)
				return
			}
		}
	}
	check("result", out.y, c.shape)
	for _, x := range c.Inputs {
		if g := out.grads[x.Name]; g != nil {
			check("gradient of "+x.Name, g, x.Shape)
		}
	}
}

func (r *Report) checkInputs(c *prepared, out *result) {
	for _, x := range c.Inputs {
		if v, got := c.drawn[x.Name], out.inputs[x.Name]; v != nil && got != nil && !slices.Equal(unpack(got, x.Shape), v) {
			r.fail(c, "", "input "+x.Name, "the op changed it")
		}
	}
}

func (r *Report) checkForward(c *prepared, setup string, out *result) {
	tolerance, _ := c.tolerances()
	got := unpack(out.y, c.shape)
	diff, size := 0.0, 0.0
	for i, v := range c.want.Data {
		d := float64(got[i]) - v
		diff, size = diff+d*d, size+v*v
	}
	d := math.Sqrt(diff / max(size, math.SmallestNonzeroFloat32))
	r.compare(&r.Forward, d, tolerance, c, setup, "forward", "the reference", fmt.Sprintf("got %v, want %v", head(got), head(c.want.Data)))
}

// checkBackward compares directional derivatives. Σ v⊙dx along random signs v has ‖dx‖ as its root mean square, hence the scale.
func (r *Report) checkBackward(c *prepared, setup string, out *result) {
	_, tolerance := c.tolerances()
	for _, x := range c.Inputs {
		if !x.differentiable() {
			continue
		}
		dx := unpack(out.grads[x.Name], x.Shape)
		norm := 0.0
		for _, v := range dx {
			norm += float64(v) * float64(v)
		}
		norm = math.Sqrt(norm)
		for k, s := range c.slopes()[x.Name] {
			got := 0.0
			for i, v := range s.v {
				got += v * float64(dx[i])
			}
			d := math.Abs(got-s.want) / max(norm, math.Abs(s.want), 1e-6)
			r.compare(&r.Backward, d, tolerance, c, setup, "gradient of "+x.Name, "the central difference",
				fmt.Sprintf("got %v, want %v along direction %d", got, s.want, k))
		}
	}
}

// differentiate returns the reference's directional derivatives by all inputs that have gradients.
func (c *prepared) differentiate() map[string][]slope {
	out, r := map[string][]slope{}, make([]float64, len(c.cotangent))
	for i, v := range c.cotangent {
		r[i] = float64(v)
	}
	for _, x := range c.Inputs {
		for k := 0; k < directions && x.differentiable(); k++ {
			signs, v := stream(c.Name, x.Name, fmt.Sprint(k)), make([]float64, volume(x.Shape))
			for i := range v {
				v[i] = 1 - 2*float64(signs.Uint32()>>31)
			}
			out[x.Name] = append(out[x.Name], slope{v, c.derivative(x, v, r)})
		}
	}
	return out
}

// derivative returns the central difference of Σ r⊙y along v, in float64.
func (c *prepared) derivative(x Input, v, r []float64) float64 {
	step := differenceStep
	if x.Hi != 0 {
		step *= (x.Hi - x.Lo) / 2
	}
	side := func(h float64) (sum float64) {
		in := c.values(c.drawn)
		for i := range v {
			in.tensors[x.Name].Data[i] += h * v[i]
		}
		for i, y := range c.Ref(in).Data {
			sum += r[i] * y
		}
		return sum
	}
	return (side(step) - side(-step)) / (2 * step)
}

// checkSame requires the bits of want, with each gradient times a power of two. got is nil if its setup did not run the case.
func (r *Report) checkSame(c *prepared, setup string, got, want *result, times func(Input) float32) {
	if got == nil {
		return
	}
	if i := differs(got.y, want.y, 1); i >= 0 {
		r.fail(c, setup, "result", "element %d is %v, want the bits of %v", i, got.y[i], want.y[i])
	}
	for _, x := range c.Inputs {
		g, w := got.grads[x.Name], want.grads[x.Name]
		if i := differs(g, w, times(x)); i >= 0 {
			r.fail(c, setup, "gradient of "+x.Name, "element %d is %v, want the bits of %v times %v", i, g[i], w[i], times(x))
		}
	}
}

// differs returns the first element of got whose bits differ from those of want·times, or −1.
func differs(got, want []float32, times float32) int {
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v*times) {
			return i
		}
	}
	return -1
}

func head[T any](v []T) []T { return v[:min(len(v), 8)] }
