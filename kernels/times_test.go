package kernels_test

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

const timedSide = 192

// timedProgram has two segments: "heavy" clears a gradient of 256 B, multiplies two matrices and copies a half of the product, "light" is one ReLU.
func timedProgram(time bool) func(g *kernels.Graph) {
	return func(g *kernels.Graph) {
		if time {
			g.EnableTiming()
		}
		g.Store().Param("w", ones(timedSide), timedSide)
		g.Segment("heavy")
		g.ClearGrads()
		x := g.Input("x", kernels.F32, timedSide, timedSide)
		y := kernels.MatMul(x, x, false, false)
		g.Output("y", kernels.Slice(y, 0, timedSide/2))
		g.Segment("light")
		g.Output("z", kernels.ReLU(g.Input("small", kernels.F32, 1, 16)))
	}
}

func opTimes(t *testing.T, r *kernels.Run) []kernels.OpTime {
	t.Helper()
	ops, err := r.Times()
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func TestTimesNameEveryOpWithItsWorkAndBytes(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false })
	p, _ := build(t, timedProgram(true))
	heavy := opTimes(t, wait(t, submit(t, begin(t, p.Segment("heavy")))))
	light := opTimes(t, wait(t, submit(t, begin(t, p.Segment("light")))))
	if len(heavy)+len(light) != p.Steps() {
		t.Errorf("%d and %d ops of %d", len(heavy), len(light), p.Steps())
	}
	var multiply *kernels.OpTime
	for i, o := range heavy {
		if o.Segment != "heavy" || o.Label == "" || o.Time < 0 || (o.Kernel != "") != (o.Groups[0] > 0) {
			t.Errorf("op %d: %+v", i, o)
		}
		if o.Work == 2*timedSide*timedSide*timedSide {
			multiply = &heavy[i]
		}
	}
	const matrix = 4 * timedSide * timedSide
	first, last := heavy[0], heavy[len(heavy)-1]
	if first.Kernel != "" || !strings.HasPrefix(first.Label, "fill") || first.Bytes < 4*timedSide || first.Bytes >= matrix {
		t.Errorf("the fill is %+v", first)
	}
	if multiply == nil || multiply.Bytes != 3*matrix {
		t.Errorf("the product is %+v", multiply)
	}
	if last.Bytes != 3*matrix/2 { // reads a half, reads and writes the other tensor
		t.Errorf("the copy is %+v, want %d bytes", last, 3*matrix/2)
	}
	if z := light[0]; z.Segment != "light" || z.Kernel != "relu" || z.Bytes != 2*4*16 {
		t.Errorf("the light op is %+v", z)
	}
}

// Submit of a second run reads the first run's times before they are overwritten.
func TestTimedRunsDoNotOverlap(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false })
	p, _ := build(t, timedProgram(true))
	first, second := begin(t, p.Segment("light")), begin(t, p.Segment("light"))
	if _, err := first.Times(); err == nil || !strings.Contains(err.Error(), "call Wait") {
		t.Errorf("before the run: %v", err)
	}
	submit(t, first)
	submit(t, second)
	if got := opTimes(t, first); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	opTimes(t, wait(t, second))
}

func TestTimedProgramGivesTheSameBits(t *testing.T) {
	var want []float32
	for _, time := range []bool{false, true} {
		p, _ := build(t, timedProgram(time))
		r := begin(t, p.Segment("heavy"))
		copy(r.Floats("x"), uniform(1, timedSide*timedSide))
		got := wait(t, submit(t, r)).Output("y")
		if !time {
			want = append(want, got...)
			if _, err := r.Times(); err == nil {
				t.Error("times without Graph.EnableTiming")
			}
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("element %d is %v, untimed %v", i, got[i], want[i])
			}
		}
	}
}

func TestEagerTwinHasNoTimes(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = true })
	p, _ := build(t, timedProgram(true))
	r := wait(t, submit(t, begin(t, p.Segment("light"))))
	if _, err := r.Times(); err == nil || !strings.Contains(err.Error(), "MARR_EAGER") {
		t.Errorf("got %v", err)
	}
}

func TestTimesMarkTheOpsOfTheBackwardPass(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false })
	p, _ := build(t, func(g *kernels.Graph) {
		g.EnableTiming()
		x := g.Input("x", kernels.F32, 8, 8).Track()
		y := kernels.ReLU(x)
		g.BackwardFrom(y, g.Input("dy", kernels.F32, 8, 8))
		g.Output("twice", kernels.Add(x.Grad(), y))
	})
	ops := opTimes(t, wait(t, submit(t, begin(t, p.Segment("main")))))
	for i, back := range []bool{false, true, false} {
		if len(ops) != 3 || ops[i].Backward != back {
			t.Fatalf("%+v: only the second of three ops is of the backward pass", ops)
		}
	}
}
