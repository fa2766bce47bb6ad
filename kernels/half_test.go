package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
)

// scaledSGD trains one parameter by gradients that the host sets, with a scaled loss or without.
type scaledSGD struct {
	t     *testing.T
	store *kernels.Store
	prog  *kernels.Program
	p     *kernels.Param
}

func newScaledSGD(t *testing.T, scaled bool) *scaledSGD {
	t.Helper()
	s := &scaledSGD{t: t, store: kernels.NewStore(device)}
	t.Cleanup(s.store.Free)
	var err error
	s.prog, err = kernels.Build(device, s.store, func(g *kernels.Graph) {
		if scaled {
			g.ScaleLoss()
		}
		s.p = g.Store().Param("p", func() []float32 { return []float32{1, -2, 3, 0.5, 0.25} }, 5)
		loss := kernels.MeanSquare(kernels.Bias(g.Input("x", kernels.F32, 1, 5), s.p))
		g.ClearGrads()
		g.Backward(loss)
		g.Clip(1)
		g.CheckFinite(loss)
		kernels.SGD{OptMomentum: 0.5}.Update(g)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.prog.Free)
	return s
}

// step runs a step on x = p + value·1 and returns its run.
func (s *scaledSGD) step(value float32) *kernels.Run {
	s.t.Helper()
	r, err := s.prog.Segment("main").Begin()
	if err != nil {
		s.t.Fatal(err)
	}
	kernels.Pack(r.Floats("x"), slices.Repeat([]float32{value}, 5), 5)
	r.Set("lr", 0.125)
	r.Set("decay", 0)
	if err := r.Submit(); err != nil {
		s.t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *scaledSGD) read() []float32 {
	s.t.Helper()
	v, err := s.p.Read()
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func TestScaledLossTakesTheSameStepsAndSkipsOverflows(t *testing.T) {
	plain, scaled := newScaledSGD(t, false), newScaledSGD(t, true)
	same := func(when string) {
		t.Helper()
		if a, b := plain.read(), scaled.read(); !slices.Equal(a, b) { // powers of two change no bit
			t.Errorf("%s: %v with a scaled loss, want the bits of %v", when, b, a)
		}
	}
	check := func(when string, r *kernels.Run, scale float32, skipped bool, applied int) {
		t.Helper()
		tensor, n := scaled.store.Verdict(r.Output("halt"))
		if got := r.Output("loss_scale")[0]; got != scale || kernels.Skipped(r.Output("skips")) != skipped || (tensor != "") != skipped || n != applied {
			t.Errorf("%s: scale %v, counts %v, bad tensor %q, %d steps applied; want scale %v, skipped %v, %d applied", when, got, r.Output("skips"), tensor, n, scale, skipped, applied)
		}
	}
	for i := range 3 {
		a, b := plain.step(float32(i)), scaled.step(float32(i))
		check("a step", b, 65536, false, i+1)
		if x, y := a.Output("gradient_norm")[0], b.Output("gradient_norm")[0]; x != y {
			t.Errorf("gradient norm %v, want %v", y, x)
		}
	}
	same("after three steps")
	check("an overflow", scaled.step(float32(math.Inf(1))), 32768, true, 3)
	check("another", scaled.step(float32(math.NaN())), 16384, true, 3)
	same("after two skipped steps")
	plain.step(1)
	check("a step with another scale", scaled.step(1), 16384, false, 4)
	same("after a step with another scale")
}

func TestScaleGrowsAndMaxSkipsHalt(t *testing.T) {
	s := newScaledSGD(t, true)
	for _, state := range s.store.States() {
		if state.Name == "loss_scale.count" {
			if err := state.Write([]float32{1999, 0}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := s.step(1); r.Output("loss_scale")[0] != 2*65536 || r.Output("skips")[0] != 0 {
		t.Errorf("scale %v after 2000 finite steps, count %v: want it doubled, and 0", r.Output("loss_scale")[0], r.Output("skips"))
	}
	before := s.read()
	var r *kernels.Run
	for i := range kernels.MaxSkips {
		r = s.step(float32(math.NaN()))
		if got, want := kernels.Skipped(r.Output("skips")), i < kernels.MaxSkips-1; got != want {
			t.Fatalf("skipped %v at bad step %d, want %v", got, i+1, want)
		}
	}
	if tensor, _ := s.store.Verdict(s.step(1).Output("halt")); tensor != "loss" || !slices.Equal(before, s.read()) {
		t.Errorf("a finite step after %d bad ones: %q, p %v; want it halted by the loss, and p %v", kernels.MaxSkips, tensor, s.read(), before)
	}
}

// Half is a promise of memory.
func TestHalvesTakeHalfTheMemory(t *testing.T) {
	kerneltest.NeedMixed(t, device)
	planned := func(mixed bool) int64 {
		st := kernels.NewStore(device)
		defer st.Free()
		p, err := kernels.Build(device, st, func(g *kernels.Graph) {
			if mixed {
				g.MixedPrecision()
			}
			y := kernels.Half(g.Input("x", kernels.F32, 64, 64, 1, 256).Track())
			for range 8 {
				y = kernels.GELU(y) // keeps its input for the gradient
			}
			g.Backward(kernels.MeanSquare(kernels.GlobalAvgPool(y)))
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Free()
		return p.Planned()
	}
	if floats, halves := planned(false), planned(true); halves > floats*2/3 { // the input and its gradient are floats in both
		t.Errorf("%d bytes in halves, %d in floats", halves, floats)
	}
}
