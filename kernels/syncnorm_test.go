package kernels_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// pairwise returns a Gather for each of two devices.
func pairwise() [2]kernels.Gather {
	sent := [2]chan []byte{make(chan []byte, 1), make(chan []byte, 1)}
	var gathers [2]kernels.Gather
	for d := range gathers {
		gathers[d] = func(mine, all []byte) error {
			sent[d] <- slices.Clone(mine)
			copy(all[d*len(mine):], mine)
			copy(all[(1-d)*len(mine):], <-sent[1-d])
			return nil
		}
	}
	return gathers
}

// normStep is a step of k micro-batches of n images through a residual block whose batch norms have a ReLU, a residual, only a mean, or no scale.
type normStep struct {
	prog   *kernels.Program
	store  *kernels.Store
	states []*kernels.State
	n      int
	grads  []float32 // sums over the micro-batches
	loss   []float32
}

func newNormStep(t *testing.T, k, n int, timed bool, gather kernels.Gather) *normStep {
	s := &normStep{n: n}
	s.prog, s.store = build(t, func(g *kernels.Graph) {
		if timed {
			g.EnableTiming()
		}
		if gather != nil {
			g.SyncNorms(2, gather)
		}
		st := g.Store()
		norm := func(name string, kind kernels.Statistics) kernels.Norm {
			x := kernels.Norm{Mean: st.State(name+".mean", 0, 8), Var: st.State(name+".var", 1, 8), Eps: 1e-5, BNMomentum: 0.3, Statistics: kind}
			s.states = append(s.states, x.Mean, x.Var)
			return x
		}
		scaled := norm("a", kernels.MeanAndVariance)
		scaled.Gamma = st.Param("gamma", func() []float32 { return uniform(5, 8) }, 8)
		scaled.Beta = st.Param("beta", func() []float32 { return uniform(6, 8) }, 8)
		weight := func(name string, seed uint64, c int) *kernels.Param {
			return st.Param(name, func() []float32 { return uniform(seed, 8*9*c) }, 8, 3, 3, c)
		}
		w1, w2, w3 := weight("w1", 2, 5), weight("w2", 3, 8), weight("w3", 4, 8)
		g.Micro(k)
		g.Segment("micro")
		x := kernels.BatchNorm(kernels.Conv2D(g.Input("x", kernels.F32, n, 6, 6, 5), w1, 1, 1), scaled, nil, true, true)
		y := kernels.BatchNorm(kernels.Conv2D(x, w2, 1, 1), norm("b", kernels.MeanAndVariance), x, true, true)
		y = kernels.BatchNorm(kernels.Conv2D(y, w3, 2, 1), norm("c", kernels.MeanOnly), nil, true, true)
		y = kernels.BatchNorm(y, norm("d", kernels.RunningMean), nil, false, true)
		loss := kernels.MeanSquare(y)
		g.Output("loss", loss)
		g.Backward(loss)
		g.Segment("update")
		g.UpdateRunningStats()
		g.Segment("clear")
		g.ClearGrads()
	})
	return s
}

// run runs the micro-batches `first` to first+count−1 on images that `of` names, and updates the running statistics.
func (s *normStep) run(first, count int, of func(m, i int) uint64) error {
	start := func(segment string, fill func(r *kernels.Run)) (*kernels.Run, error) {
		r, err := s.prog.Segment(segment).Begin()
		if err != nil {
			return nil, err
		}
		fill(r)
		if err := r.Submit(); err != nil {
			return nil, err
		}
		return r, r.Wait()
	}
	if _, err := start("clear", func(*kernels.Run) {}); err != nil {
		return err
	}
	for m := first; m < first+count; m++ {
		r, err := start("micro", func(r *kernels.Run) {
			var images []float32
			for i := range s.n {
				images = append(images, uniform(of(m, i), 6*6*5)...)
			}
			kernels.Pack(r.Floats("x"), images, 5)
			r.Set("micro", float64(m))
		})
		if err != nil {
			return err
		}
		s.loss = append(s.loss, r.Output("loss")[0])
	}
	for _, p := range s.store.Params() {
		g, err := p.ReadGrad()
		if err != nil {
			return err
		}
		s.grads = append(s.grads, g...)
	}
	_, err := start("update", func(r *kernels.Run) {})
	return err
}

// Two devices whose norms are synchronized have the gradients, losses and running statistics of one device with batches of twice the size.
func TestSyncNormsNormalizeAsOneDevice(t *testing.T) {
	for env, change := range map[string]func(s *vk.Settings){
		"eager": func(s *vk.Settings) { s.Eager = true }, "poison": func(s *vk.Settings) { s.Poison = true }, "": func(*vk.Settings) {}} {
		was := device.Settings()
		vktest.Configure(t, device, change)
		const n = 3 // images of a micro-batch
		for _, k := range []int{2, 4} {
			one := newNormStep(t, k/2, 2*n, false, nil)
			if err := one.run(0, k/2, func(m, i int) uint64 { return uint64(100 + m*2*n + i) }); err != nil {
				t.Fatal(err)
			}
			gathers := pairwise()
			var pair [2]*normStep
			for d := range pair {
				pair[d] = newNormStep(t, k, n, false, gathers[d])
			}
			var all sync.WaitGroup
			var errs [2]error
			for d, s := range pair {
				all.Go(func() {
					errs[d] = s.run(d*k/2, k/2, func(m, i int) uint64 { return uint64(100 + (m%(k/2))*2*n + d*n + i) })
				})
			}
			all.Wait()
			if err := errors.Join(errs[:]...); err != nil {
				t.Fatal(err)
			}
			var grads, losses []float64
			for i, v := range one.grads {
				grads = append(grads, float64(v))
				pair[0].grads[i] += pair[1].grads[i]
			}
			for i, v := range one.loss {
				losses = append(losses, float64(v))
				pair[0].loss[i] = (pair[0].loss[i] + pair[1].loss[i]) / 2
			}
			near(t, env+" gradients", pair[0].grads, grads, 3e-6*largest(grads))
			near(t, env+" losses", pair[0].loss, losses, 1e-5*largest(losses))
			for i, state := range one.states {
				var want []float64
				for _, v := range read(t, state.Read) {
					want = append(want, float64(v))
				}
				first := read(t, pair[0].states[i].Read)
				near(t, env+" "+state.Name, first, want, 1e-6*max(1, largest(want)))
				if !slices.Equal(first, read(t, pair[1].states[i].Read)) {
					t.Errorf("%s: the devices differ in %s", env, state.Name)
				}
			}
			if err := errors.Join(pair[0].prog.CheckGuards(), pair[1].prog.CheckGuards()); err != nil {
				t.Error(err)
			}
		}
		device.Configure(was)
	}
}

func largest(v []float64) (most float64) {
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}

// The error of another device that fails is that of Submit, and the times of ops are those of all stretches between norms.
func TestSyncNormsWaitForTheOtherDevice(t *testing.T) {
	lost := errors.New("lost")
	gathers := 0
	s := newNormStep(t, 2, 2, true, func(mine, all []byte) error {
		if copy(all, mine); gathers == 4 {
			return lost
		}
		copy(all[len(mine):], mine)
		gathers++
		return nil
	})
	gathers = -100
	r := begin(t, s.prog.Segment("micro"))
	r.Set("micro", 0)
	wait(t, submit(t, r))
	if gathers != -100+7 { // the running mean has no backward pass
		t.Errorf("%d gathers, want 4 in the forward and 3 in the backward pass", gathers+100)
	}
	if !device.Settings().Eager {
		times, err := r.Times()
		if err != nil {
			t.Fatal(err)
		}
		norms := 0
		for _, op := range times {
			if strings.HasPrefix(op.Kernel, "bn_merge.fold") {
				norms++
			}
		}
		if norms != 4 {
			t.Errorf("the times have %d merges of statistics, want 4", norms)
		}
	}
	gathers = 0
	if err := s.run(0, 1, func(_, i int) uint64 { return uint64(i) }); !errors.Is(err, lost) {
		t.Errorf("the run ends with %v, want the error of the fifth gather", err)
	}
}

// A population has the samples of all devices, but where a segment runs once in a step.
func TestSyncNormsCountTheSamplesOfAllDevices(t *testing.T) {
	traced := func(micro int) (*kernels.Graph, error) {
		return kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
			g.SyncNorms(2, nil)
			g.Micro(micro)
			kernels.BatchNorm(g.Input("x", kernels.F32, 5, 4), kernels.Norm{Mean: g.Store().State("m", 0, 4), Var: g.Store().State("v", 1, 4)}, nil, false, true)
		})
	}
	for micro, want := range map[int]int{1: 5, 4: 10} {
		if g, err := traced(micro); err != nil || g.MinBatchNormSize() != want {
			t.Errorf("%d micro-batches of 5 samples on 2 devices: a norm sees %d samples, want %d (%v)", micro, g.MinBatchNormSize(), want, err)
		}
	}
	var bad *kernels.BuildError
	if _, err := traced(3); !errors.As(err, &bad) {
		t.Errorf("3 micro-batches on 2 devices: %v, want a BuildError", err)
	}
}
