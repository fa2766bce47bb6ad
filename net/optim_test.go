package net_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/net"
)

// Three steps in float32 against float64. Adam divides by the root of a mean of squares, so relative errors stay at about 1e-7 a step.
const optimizerTolerance = 1e-5

// beta2 is the β₂ of Adam and AdamW in these tests: not PyTorch's 0.999.
const beta2 = 0.95

// reference takes steps on one parameter with the float64 optimizers. Exempt parameters have no decay.
func reference(name string, decay float64, rates []float64, p, g *ref.Tensor, exempt bool) *ref.Tensor {
	a, b := ref.New(p.Shape...), ref.New(p.Shape...)
	if exempt {
		decay = 0
	}
	for i, lr := range rates {
		o := ref.SGDParams{LR: lr, Momentum: 0.9, Decay: decay, Nesterov: name == "nesterov"}
		switch {
		case strings.HasPrefix(name, "adam"):
			p, a, b = ref.AdamW(p, g, a, b, i+1, ref.AdamWParams{LR: lr, Beta1: 0.9, Beta2: beta2, Eps: 1e-8, Decay: decay, Coupled: name == "adam"})
		case name == "lars" && !exempt:
			p, a = ref.LARS(p, g, a, 0.001, o)
		case name == "larc" && !exempt:
			p, a = ref.LARC(p, g, a, 0.02, o)
		default:
			p, a = ref.SGD(p, g, a, o)
		}
	}
	return p
}

// Every run of one recording gets its step number and learning rate, for bias corrections and schedules.
func TestOptimizersUseTheScalarsOfEachStep(t *testing.T) {
	rates := []float64{1e-2, 3e-2, 5e-3}
	for _, name := range net.Optimizers() {
		const decay = 0.1
		o, err := net.NewOptimizer(name, decay, beta2)
		if err != nil {
			t.Fatal(err)
		}
		st := kernels.NewStore(device)
		head := net.Scope{Store: st, Seed: 1}.MLP("head", 6, 5, 4)
		first := map[string]*ref.Tensor{}
		for _, p := range st.Params() {
			first[p.Name] = wide(t, st, p.Name)
		}
		prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
			g.Segment("gradients")
			y := head.Forward(g.Input("x", kernels.F32, 3, 6), net.Train)
			g.BackwardFrom(y, g.Input("dy", kernels.F32, 3, 4))
			g.Segment("update")
			o.Update(g)
		})
		if err != nil {
			t.Fatal(err)
		}
		run(t, prog.Segment("gradients"), func(r *kernels.Run) {
			kernels.Pack(r.Floats("x"), uniform(18, 5), 6)
			kernels.Pack(r.Floats("dy"), uniform(12, 6), 4)
		})
		for step, lr := range rates {
			run(t, prog.Segment("update"), func(r *kernels.Run) { o.Set(r, step, lr) })
		}
		for _, p := range st.Params() {
			grad := ref.FromFloat32(read(t, p.ReadGrad), p.Shape...)
			want := reference(name, decay, rates, first[p.Name], grad, p.NoDecay)
			if d := distance(read(t, p.Read), want.Data); !(d <= optimizerTolerance) {
				t.Errorf("%s: %s is %.2g from the reference, want at most %g", name, p.Name, d, optimizerTolerance)
			}
		}
		prog.Free()
		st.Free()
	}
}

func run(t *testing.T, s *kernels.Segment, fill func(r *kernels.Run)) {
	t.Helper()
	r, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	fill(r)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
}

// training is a projector with its optimizer on the device, and the program of a training step on a fixed batch.
type training struct {
	st   *kernels.Store
	prog *kernels.Program
	o    net.Optimizer
}

// newTraining returns a projector to train. With averaged, its weights have moving averages.
func newTraining(t *testing.T, name string, averaged bool, seed uint64) training {
	t.Helper()
	o, err := net.NewOptimizer(name, 0.1, beta2)
	if err != nil {
		t.Fatal(err)
	}
	st := kernels.NewStore(device)
	m := net.Scope{Store: st, Seed: seed}.Projector("projector", 6, 5, 4)
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		y := m.Forward(g.Input("x", kernels.F32, 3, 6), net.Train)
		for _, p := range st.Params() {
			if averaged && !p.NoDecay {
				p.Average(g)
			}
		}
		g.ClearGrads()
		g.BackwardFrom(y, g.Input("dy", kernels.F32, 3, 4))
		o.Update(g)
		g.UpdateRunningStats()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prog.Free(); st.Free() })
	return training{st, prog, o}
}

func (x training) steps(t *testing.T, from, to int) {
	t.Helper()
	for step := from; step < to; step++ {
		run(t, x.prog.Segment("main"), func(r *kernels.Run) {
			kernels.Pack(r.Floats("x"), uniform(18, uint32(step)), 6)
			kernels.Pack(r.Floats("dy"), uniform(12, uint32(step+100)), 4)
			r.Set("micro", 0)
			x.o.Set(r, step, 1e-2)
			if x.prog.Segment("main").HasScalar("ema_rate") {
				r.Set("ema_rate", 0.1)
			}
		})
	}
}

func TestRestoredRunEndsWithTheSameBits(t *testing.T) {
	for _, x := range []struct {
		name     string
		averaged bool
	}{{"sgd", false}, {"adamw", false}, {"sgd", true}, {"adamw", true}, {"larc", true}} {
		dir := t.TempDir()
		middle, straight, resumed := filepath.Join(dir, "middle.ckpt"), filepath.Join(dir, "straight.ckpt"), filepath.Join(dir, "resumed.ckpt")
		a := newTraining(t, x.name, x.averaged, 1)
		a.steps(t, 0, 3)
		save(t, middle, a.st, 3)
		a.steps(t, 3, 6)
		save(t, straight, a.st, 6)
		c, err := net.LoadCheckpoint(middle)
		if err != nil {
			t.Fatal(err)
		}
		b := newTraining(t, x.name, x.averaged, 2) // other first values
		b.steps(t, 0, 1)                           // and moments and averages of its own
		if err := c.Restore(b.st); err != nil {
			t.Fatal(err)
		}
		b.steps(t, c.Meta.Step, 6)
		save(t, resumed, b.st, 6)
		if !bytes.Equal(readFile(t, straight), readFile(t, resumed)) {
			t.Errorf("%s, averaged %t: six steps and three plus three end with different checkpoints", x.name, x.averaged)
		}
		if bytes.Contains(readFile(t, straight), []byte(`"average.projector.0.weight"`)) != x.averaged {
			t.Errorf("%s, averaged %t: the checkpoint holds averages where there are none, or lacks them", x.name, x.averaged)
		}
	}
}

func TestUnknownOptimizerErrorListsTheKnownOnes(t *testing.T) {
	if _, err := net.NewOptimizer("lion", 0, beta2); err == nil || !strings.Contains(err.Error(), "known are adam, adamw, larc, lars, nesterov, sgd") {
		t.Fatalf("got %v", err)
	}
}
