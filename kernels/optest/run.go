package optest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"marr/kernels"
	"marr/kernels/ref"
	"marr/vk"
)

// Bench is what cases run on.
type Bench struct {
	Device *vk.Device
	// Narrow is the same device with a small Options.StorageRange.
	Narrow *vk.Device
}

// Run holds the cases to everything that the package demands, each as a subtest.
func (b Bench) Run(t *testing.T, cases ...Case) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { b.run(t, c) })
	}
}

func (b Bench) run(t *testing.T, c Case) {
	values := c.draw()
	want := c.reference(values)
	r := make([]float32, volume(want.Shape))
	stream(c.Name, cotangent).Uniform(r, -1, 1)
	packed := packed(r, want.Shape)

	base := exec(t, c, setup{name: "poisoned", dev: b.Device, env: map[string]string{"MARR_POISON": "1"}, runs: 1}, values, packed)
	if !slices.Equal(base.shape, want.Shape) {
		t.Fatalf("shape %v, want %v", base.shape, want.Shape)
	}
	c.checkPads(t, base)
	c.checkInputs(t, base, values)
	c.checkForward(t, base, want)
	c.checkBackward(t, base, values, r)

	again := exec(t, c, setup{name: "replayed", dev: b.Device, runs: 2}, values, packed)
	c.checkSame(t, "replayed on memory used again", again, base, func(x Input) float32 {
		if x.Kind == Parameter {
			return 2 // nothing cleared its gradient between the runs
		}
		return 1
	})
	eager := exec(t, c, setup{name: "eager", dev: b.Device, env: map[string]string{"MARR_EAGER": "1"}, runs: 1}, values, packed)
	c.checkSame(t, "eager", eager, base, func(Input) float32 { return 1 })
	if c.Split {
		narrow := exec(t, c, setup{name: "narrow", dev: b.Narrow, env: map[string]string{"MARR_POISON": "1"}, runs: 1}, values, packed)
		c.checkSame(t, "bound in parts", narrow, base, func(Input) float32 { return 1 })
		if narrow.steps <= base.steps {
			t.Errorf("%d steps on the device that binds little, %d on the other: nothing was split", narrow.steps, base.steps)
		}
	}
	if c.backward() {
		double := exec(t, c, setup{name: "accumulated", dev: b.Device, env: map[string]string{"MARR_POISON": "1"}, twice: true, runs: 1}, values, packed)
		halve(double)
		if c.Repeats {
			c.checkBackward(t, double, values, r)
		} else {
			c.checkSame(t, "accumulated", double, base, func(Input) float32 { return 1 })
		}
	}
	for _, words := range kernels.Forcible(b.Device, base.others) {
		b.forced(t, c, words, values, packed, func(other *result) {
			c.checkPads(t, other)
			c.checkForward(t, other, want)
			c.checkBackward(t, other, values, r)
		})
	}
}

// forced runs a case with kernels that the device would not choose, and where it is to be split, on the device that binds little, too.
func (b Bench) forced(t *testing.T, c Case, words string, values map[string][]float32, cotangent []float32, check func(*result)) {
	env := map[string]string{"MARR_KERNELS": words, "MARR_POISON": "1"}
	other := exec(t, c, setup{name: words, dev: b.Device, env: env, runs: 1}, values, cotangent)
	check(other)
	if c.Split {
		narrow := exec(t, c, setup{name: words + ", narrow", dev: b.Narrow, env: env, runs: 1}, values, cotangent)
		c.checkSame(t, words+" bound in parts", narrow, other, func(Input) float32 { return 1 })
	}
}

// halve divides a result and its gradients by two, which is exact.
func halve(out *result) {
	for _, v := range append(slices.Collect(maps.Values(out.grads)), out.y) {
		for i := range v {
			v[i] /= 2
		}
	}
}

func (c Case) reference(values map[string][]float32) *ref.Tensor { return c.Ref(c.wide(values)) }

func (c Case) wide(values map[string][]float32) Values {
	w := Values{}
	for _, x := range c.Inputs {
		if v := values[x.Name]; v != nil {
			w[x.Name] = ref.FromFloat32(v, x.Shape...)
		}
	}
	return w
}

func packed(v []float32, shape []int) []float32 {
	w := width(shape)
	out := make([]float32, len(v)/w*stride(w))
	kernels.Pack(out, v, w)
	return out
}

func stride(width int) int { return (width + 3) / 4 * 4 }

// unpack returns the logical values of a tensor in memory, of which a parameter has more rows than its shape says.
func unpack(padded []float32, shape []int) []float32 {
	v := make([]float32, volume(shape))
	kernels.Unpack(v, padded, width(shape))
	return v
}

// checkPads demands that the lanes that pad rows, and the rows that pad a parameter, hold zeros.
func (c Case) checkPads(t *testing.T, out *result) {
	t.Helper()
	check := func(what string, padded []float32, shape []int) {
		w := width(shape)
		for i, v := range padded {
			if (i%stride(w) >= w || i >= volume(shape)/w*stride(w)) && v != 0 {
				t.Errorf("%s: pad lane %d is %v, want 0", what, i, v)
				return
			}
		}
	}
	check("result", out.y, out.shape)
	for _, x := range c.Inputs {
		if g := out.grads[x.Name]; g != nil {
			check("gradient of "+x.Name, g, x.Shape)
		}
	}
}

func (c Case) checkInputs(t *testing.T, out *result, values map[string][]float32) {
	t.Helper()
	for _, x := range c.Inputs {
		if v, got := values[x.Name], out.inputs[x.Name]; v != nil && got != nil && !slices.Equal(unpack(got, x.Shape), v) {
			t.Errorf("input %s was changed", x.Name)
		}
	}
}

func (c Case) checkForward(t *testing.T, out *result, want *ref.Tensor) {
	t.Helper()
	tolerance, _ := c.tolerances()
	got := unpack(out.y, out.shape)
	diff, size := 0.0, 0.0
	for i, v := range want.Data {
		d := float64(got[i]) - v
		diff, size = diff+d*d, size+v*v
	}
	if d := math.Sqrt(diff / max(size, math.SmallestNonzeroFloat32)); !(d <= tolerance) {
		t.Errorf("forward: %.2g from the reference, want at most %g: got %v, want %v", d, tolerance, head(got), head(want.Data))
	}
}

// checkBackward compares directional derivatives. Σ v⊙dx along signs v has ‖dx‖ as its root mean square, hence the scale.
func (c Case) checkBackward(t *testing.T, out *result, values map[string][]float32, r []float32) {
	t.Helper()
	_, tolerance := c.tolerances()
	cotangents := make([]float64, len(r))
	for i, v := range r {
		cotangents[i] = float64(v)
	}
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
		for k := range directions {
			signs, got := stream(c.Name, x.Name, fmt.Sprint(k)), 0.0
			v := make([]float64, len(dx))
			for i := range v {
				v[i] = 1 - 2*float64(signs.Uint32()>>31)
				got += v[i] * float64(dx[i])
			}
			want := c.derivative(values, x, v, cotangents)
			if d := math.Abs(got-want) / max(norm, math.Abs(want), 1e-6); !(d <= tolerance) {
				t.Errorf("gradient of %s: %.2g from the central difference, want at most %g: got %v, want %v along direction %d", x.Name, d, tolerance, got, want, k)
			}
		}
	}
}

// derivative is that of Σ r⊙y along v, in float64.
func (c Case) derivative(values map[string][]float32, x Input, v, r []float64) float64 {
	step := differenceStep
	if x.Hi != 0 {
		step *= (x.Hi - x.Lo) / 2
	}
	side := func(h float64) (sum float64) {
		in := c.wide(values)
		for i := range v {
			in[x.Name].Data[i] += h * v[i]
		}
		for i, y := range c.Ref(in).Data {
			sum += r[i] * y
		}
		return sum
	}
	return (side(step) - side(-step)) / (2 * step)
}

// checkSame demands the bits of want, gradients times a power of two.
func (c Case) checkSame(t *testing.T, what string, got, want *result, times func(Input) float32) {
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

// differs returns the first element of got whose bits are not those of want·times, or −1.
func differs(got, want []float32, times float32) int {
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v*times) {
			return i
		}
	}
	return -1
}

func head[T any](v []T) []T { return v[:min(len(v), 8)] }
