package optest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"

	"marr/kernels"
	"marr/kernels/ref"
	"marr/vk"
)

// Bench holds the devices that cases run on.
type Bench struct {
	Device *vk.Device
	// Narrow is the same device with a small Options.StorageRange.
	Narrow *vk.Device
}

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

// RunOps runs the harness on every case of the ops, each op as a subtest.
func (b Bench) RunOps(t *testing.T, ops []Op) {
	for _, o := range ops {
		if o.Build != nil && len(o.Cases) > 0 {
			t.Run(o.Name, func(t *testing.T) { b.Run(t, o.All()...) })
		}
	}
}

// Run performs the package's checks on the cases, each case as a subtest. Each program holds all cases.
func (b Bench) Run(t *testing.T, cases ...Case) {
	var all, differentiable, split []*prepared
	for _, c := range cases {
		p := prepare(c)
		all = append(all, p)
		if p.backward() {
			differentiable = append(differentiable, p)
			go p.slopes() // while the device compiles
		}
		if c.Split {
			split = append(split, p)
		}
	}
	poison := func(s *vk.Settings) { s.Poison, s.Eager = true, false } // overrides the environment of the whole test run
	type byCase = map[*prepared]*result
	pair := func(cases []*prepared, results []*result) byCase {
		out := byCase{}
		for i, c := range cases {
			out[c] = results[i]
		}
		return out
	}
	on := func(cases []*prepared, s setup) byCase {
		if len(cases) == 0 {
			return nil
		}
		results, _ := exec(t, cases, s)
		return pair(cases, results)
	}
	results, offered := exec(t, all, setup{name: "poisoned", dev: b.Device, change: func(s *vk.Settings) { s.Poison = true }, runs: 1})
	base, words := pair(all, results), kernels.ForcedVariants(b.Device, offered)
	again := on(all, setup{name: "replayed", dev: b.Device, change: func(s *vk.Settings) { s.Poison = false }, runs: 2})
	eager := on(all, setup{name: "eager", dev: b.Device, change: func(s *vk.Settings) { s.Eager = true }, runs: 1})
	narrow := on(split, setup{name: "narrow", dev: b.Narrow, change: poison, runs: 1})
	eagerNarrow := on(split, setup{name: "eager, narrow", dev: b.Narrow, change: func(s *vk.Settings) { s.Poison, s.Eager = true, true }, runs: 1})
	double := on(differentiable, setup{name: "accumulated", dev: b.Device, change: poison, twice: true, runs: 1})
	forced, forcedNarrow := map[string]byCase{}, map[string]byCase{}
	for _, w := range words {
		limit := func(s *vk.Settings) { s.Kernels, s.Poison, s.Eager = w, true, false }
		forced[w] = on(all, setup{name: w, dev: b.Device, change: limit, runs: 1})
		forcedNarrow[w] = on(split, setup{name: w + ", narrow", dev: b.Narrow, change: limit, runs: 1})
	}

	once := func(Input) float32 { return 1 }
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			c.checkAll(t, "", base[c])
			c.checkInputs(t, base[c])
			c.checkSame(t, "replayed on reused memory", again[c], base[c], func(x Input) float32 {
				if x.Kind == Parameter {
					return 2 // its gradient was not cleared between the runs
				}
				return 1
			})
			c.checkSame(t, "eager", eager[c], base[c], once)
			if c.Split {
				c.checkSame(t, "bound in parts", narrow[c], base[c], once)
				c.checkSame(t, "eager, bound in parts", eagerNarrow[c], base[c], once)
				if parts, whole := c.steps(t, b.Narrow), c.steps(t, b.Device); parts <= whole {
					t.Errorf("%d steps on the device with the small limit, %d on the other: nothing was split", parts, whole)
				}
			}
			if sum := double[c]; sum != nil {
				halve(sum)
				if c.Repeats {
					c.checkBackward(t, "accumulated: ", sum)
				} else {
					c.checkSame(t, "accumulated", sum, base[c], once)
				}
			}
			for _, w := range words {
				c.checkAll(t, w+": ", forced[w][c])
				if c.Split {
					c.checkSame(t, w+" bound in parts", forcedNarrow[w][c], forced[w][c], once)
				}
			}
		})
	}
}

// checkAll compares a result with the reference.
func (c *prepared) checkAll(t *testing.T, what string, out *result) {
	t.Helper()
	c.checkPads(t, what, out)
	c.checkForward(t, what, out)
	c.checkBackward(t, what, out)
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
func (c *prepared) checkPads(t *testing.T, what string, out *result) {
	t.Helper()
	check := func(name string, padded []float32, shape []int) {
		w := width(shape)
		for i, v := range padded {
			if (i%stride(w) >= w || i >= volume(shape)/w*stride(w)) && v != 0 {
				t.Errorf("%s%s: pad lane %d is %v, want 0", what, name, i, v)
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

func (c *prepared) checkInputs(t *testing.T, out *result) {
	t.Helper()
	for _, x := range c.Inputs {
		if v, got := c.drawn[x.Name], out.inputs[x.Name]; v != nil && got != nil && !slices.Equal(unpack(got, x.Shape), v) {
			t.Errorf("input %s was changed", x.Name)
		}
	}
}

func (c *prepared) checkForward(t *testing.T, what string, out *result) {
	t.Helper()
	tolerance, _ := c.tolerances()
	got := unpack(out.y, c.shape)
	diff, size := 0.0, 0.0
	for i, v := range c.want.Data {
		d := float64(got[i]) - v
		diff, size = diff+d*d, size+v*v
	}
	if d := math.Sqrt(diff / max(size, math.SmallestNonzeroFloat32)); !(d <= tolerance) {
		t.Errorf("%sforward: %.2g from the reference, want at most %g: got %v, want %v", what, d, tolerance, head(got), head(c.want.Data))
	}
}

// checkBackward compares directional derivatives. Σ v⊙dx along random signs v has ‖dx‖ as its root mean square, hence the scale.
func (c *prepared) checkBackward(t *testing.T, what string, out *result) {
	t.Helper()
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
			if d := math.Abs(got-s.want) / max(norm, math.Abs(s.want), 1e-6); !(d <= tolerance) {
				t.Errorf("%sgradient of %s: %.2g from the central difference, want at most %g: got %v, want %v along direction %d",
					what, x.Name, d, tolerance, got, s.want, k)
			}
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

// checkSame requires the bits of want, with each gradient times a power of two.
func (c *prepared) checkSame(t *testing.T, what string, got, want *result, times func(Input) float32) {
	t.Helper()
	if i := differs(got.y, want.y, 1); i >= 0 {
		t.Errorf("%s: element %d of the result is %v, want the bits of %v", what, i, got.y[i], want.y[i])
	}
	for _, x := range c.Inputs {
		g, w := got.grads[x.Name], want.grads[x.Name]
		if i := differs(g, w, times(x)); i >= 0 {
			t.Errorf("%s: element %d of the gradient of %s is %v, want the bits of %v times %v", what, i, x.Name, g[i], w[i], times(x))
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
