package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// reference is a parameter, its moments and its average in float64.
type reference struct{ p, m, v, avg *ref.Tensor }

// rule is an optimizer on the device and its float64 reference. step updates x by gradient g; exempt parameters have no decay.
type rule struct {
	update   func(g *kernels.Graph)
	step     func(x *reference, g *ref.Tensor, t int, lr, decay float64, exempt bool)
	adaptive bool
}

func sgdRule(nesterov, all bool) rule {
	o := kernels.SGD{OptMomentum: 0.9, Nesterov: nesterov, DecayAll: all}
	return rule{o.Update, func(x *reference, g *ref.Tensor, _ int, lr, decay float64, exempt bool) {
		if exempt && !all {
			decay = 0
		}
		x.p, x.m = ref.SGD(x.p, g, x.m, ref.SGDParams{LR: lr, Momentum: 0.9, Decay: decay, Nesterov: nesterov})
	}, false}
}

func larsRule(trust float64, clipped bool) rule {
	o := kernels.LARS{SGD: kernels.SGD{OptMomentum: 0.9}, Trust: trust, Clipped: clipped}
	return rule{o.Update, func(x *reference, g *ref.Tensor, _ int, lr, decay float64, exempt bool) {
		p := ref.SGDParams{LR: lr, Momentum: 0.9, Decay: decay}
		switch {
		case exempt:
			p.Decay = 0
			x.p, x.m = ref.SGD(x.p, g, x.m, p)
		case clipped:
			x.p, x.m = ref.LARC(x.p, g, x.m, trust, p)
		default:
			x.p, x.m = ref.LARS(x.p, g, x.m, trust, p)
		}
	}, false}
}

func adamRule(coupled bool) rule {
	o := kernels.AdamW{Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Coupled: coupled}
	return rule{o.Update, func(x *reference, g *ref.Tensor, t int, lr, decay float64, exempt bool) {
		if exempt {
			decay = 0
		}
		x.p, x.m, x.v = ref.AdamW(x.p, g, x.m, x.v, t, ref.AdamWParams{LR: lr, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Decay: decay, Coupled: coupled})
	}, true}
}

// TestOptimizerStepsMatchTheReference takes ten steps with changing rates for several parameters, some without decay. The flat set is larger
// than a binding of the narrow device. b's parameters have half and twice the rate. c.weight has a gate that is closed in the first five steps and then
// multiplies the rate by ½, 1, 1½, …; Adam counts only these steps for it.
func TestOptimizerStepsMatchTheReference(t *testing.T) {
	const all, each = 31.9, 1.5 // √(3041/3) for all gradients together, √(7/3) for a.weight: some norms are larger, some smaller
	for name, x := range map[string]struct {
		rule
		clip, each float64
		averaged   bool
	}{
		"sgd": {rule: sgdRule(false, false)}, "sgd, all decayed": {rule: sgdRule(false, true)}, "nesterov": {rule: sgdRule(true, false)},
		"adamw": {rule: adamRule(false)}, "adam": {rule: adamRule(true)}, "lars": {rule: larsRule(0.001, false)}, "larc": {rule: larsRule(0.02, true)},
		"larc that clips": {rule: larsRule(0.4, true)}, // clips the rate of some parameters, not of others
		"sgd, clipped":    {rule: sgdRule(false, false), clip: all}, "adamw, clipped": {rule: adamRule(false), clip: all},
		"adamw, each clipped": {rule: adamRule(false), each: each}, "sgd, all and each clipped": {rule: sgdRule(false, false), clip: all, each: each},
		"lars, all and each clipped": {rule: larsRule(0.001, false), clip: all, each: each},
		"sgd, averaged":              {rule: sgdRule(false, false), averaged: true}, "adamw, averaged": {rule: adamRule(false), averaged: true},
		"lars, averaged": {rule: larsRule(0.001, false), averaged: true},
	} {
		t.Run(name, func(t *testing.T) {
			sizes := map[string]int{"a.weight": 7, "a.bias": 5, "b.weight": 1999, "b.bias": 1000, "c.weight": 30}
			names := []string{"a.weight", "a.bias", "b.weight", "b.bias", "c.weight"}
			multiple := map[string]float64{"a.weight": 1, "a.bias": 1, "b.weight": 0.5, "b.bias": 2, "c.weight": 1}
			values, want, s := map[string][]float32{}, map[string]*reference{}, rng.New(7)
			for _, n := range names {
				values[n] = make([]float32, sizes[n])
				s.Uniform(values[n], -1, 1)
				p := ref.FromFloat32(values[n], sizes[n])
				want[n] = &reference{p, ref.New(sizes[n]), ref.New(sizes[n]), p.Clone()}
			}
			update := func(g *kernels.Graph) {
				for _, p := range g.Store().Params() {
					p.LR = multiple[p.Name]
					if p.Name == "c.weight" {
						p.Gate = "open"
					}
					if x.averaged && p.Name[0] != 'a' {
						p.Momentum()
					}
				}
				g.ClipEach(x.each)
				x.update(g)
			}
			u, narrow := updater(t, device, values, x.clip, update, names...), updater(t, bench.Narrow, values, x.clip, update, names...)
			clipped, short := 0, 0
			for step := 1; step <= 10; step++ {
				lr, decay, ema, gradients := 0.1/float64(step), 0.02*float64(step), 0.9+0.01*float64(step-1), map[string][]float32{}
				var wide []*ref.Tensor
				for _, n := range names {
					gradients[n] = make([]float32, sizes[n])
					s.Uniform(gradients[n], -1, 1)
					wide = append(wide, ref.FromFloat32(gradients[n], sizes[n]))
				}
				after, norm := ref.ClipNorm(x.clip, wide...)
				if norm > x.clip {
					clipped++
				}
				scalars := map[string]float64{"lr": lr, "decay": decay, "open": max(0, float64(step-5)/2)}
				for i, n := range names {
					g, y := wide[i], want[n]
					if x.clip > 0 {
						g = after[i]
					}
					if x.each > 0 {
						own, norm := ref.ClipNorm(x.each, g)
						if g = own[0]; norm < x.each {
							short++
						}
					}
					rate, taken := lr*multiple[n], step
					if n == "c.weight" {
						rate, taken = rate*scalars["open"], step-5
					}
					if rate > 0 {
						x.step(y, g, taken, rate, decay, strings.HasSuffix(n, "bias"))
					}
					y.avg = ref.Average(y.avg, y.p, ema)
				}
				if x.adaptive {
					for name, v := range adamScalars(lr, decay, 0.9, 0.99, step) {
						scalars[name] = v
					}
					own := adamScalars(0, 0, 0.9, 0.99, max(1, step-5))
					scalars[kernels.Correction("open")] = scalars["c1"] / own["c1"] * math.Sqrt(own["c2"]/scalars["c2"])
				}
				if x.averaged {
					scalars["ema_rate"] = 1 - ema
				}
				u.apply(1, gradients, scalars)
				narrow.apply(1, gradients, scalars)
				if math.Abs(u.norm-norm) > optimizerTolerance*norm || narrow.norm != u.norm {
					t.Errorf("step %d: the gradients' norm is %v, in parts %v, want %v", step, u.norm, narrow.norm, norm)
				}
			}
			if x.clip > 0 && (clipped == 0 || clipped == 10) || x.each > 0 && (short == 0 || short == 50) {
				t.Errorf("%d of 10 steps were clipped and %d of 50 gradients were below the limit: want some of both kinds", clipped, short)
			}
			if u.prog.Steps() >= narrow.prog.Steps() {
				t.Error("the narrow device did not slice the launches")
			}
			for _, n := range names {
				compareMoments(t, n, u, narrow, want[n], x.averaged && n[0] != 'a')
			}
		})
	}
}

// compareMoments compares a parameter, its moments and its average with the reference, and bit for bit with the narrow device.
func compareMoments(t *testing.T, name string, u, narrow *optimizerProgram, want *reference, averaged bool) {
	t.Helper()
	for what, x := range map[string]struct {
		read func(p *kernels.Param) ([]float32, error)
		want *ref.Tensor
	}{"value": {(*kernels.Param).Read, want.p}, "moment 0": {moment(0), want.m}, "moment 1": {moment(1), want.v}, "average": {(*kernels.Param).ReadAverage, want.avg}} {
		if what == "average" && !averaged {
			continue
		}
		got := u.read(x.read, name)
		near(t, name+", "+what, got, x.want.Data, optimizerTolerance)
		if !slices.Equal(narrow.read(x.read, name), got) {
			t.Errorf("%s, %s differs in parts", name, what)
		}
	}
}

// TestClosedGateKeepsParameterAndMoments: they keep every bit, also under decay, while the average is still updated.
func TestClosedGateKeepsParameterAndMoments(t *testing.T) {
	for name, update := range map[string]func(g *kernels.Graph){
		"sgd": kernels.SGD{OptMomentum: 0.9}.Update, "adamw": kernels.AdamW{Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}.Update,
		"lars": kernels.LARS{SGD: kernels.SGD{OptMomentum: 0.9}, Trust: 0.001}.Update,
	} {
		gated := func(g *kernels.Graph) {
			for _, p := range g.Store().Params() {
				p.Gate = "open"
			}
			averaging("", update)(g)
		}
		u := updater(t, device, map[string][]float32{"p": {1, -2, 3}}, 0, gated, "p")
		g := map[string][]float32{"p": {0.5, 0.25, -1}}
		scalars := adamScalars(0.1, 0.1, 0.9, 0.99, 1)
		if name != "adamw" {
			scalars = map[string]float64{"lr": 0.1, "decay": 0.1}
		} else {
			scalars[kernels.Correction("open")] = 1
		}
		scalars["open"], scalars["ema_rate"] = 1, 0.5
		u.apply(1, g, scalars)
		all := func() []float32 {
			return slices.Concat(u.read((*kernels.Param).Read, "p"), u.read(moment(0), "p"), u.read(moment(1), "p"))
		}
		before, average := all(), u.read((*kernels.Param).ReadAverage, "p")
		scalars["open"] = 0
		u.apply(1, g, scalars)
		if !slices.Equal(all(), before) {
			t.Errorf("%s: value or moments were %v and are %v", name, before, all())
		}
		if slices.Equal(u.read((*kernels.Param).ReadAverage, "p"), average) {
			t.Errorf("%s: the average did not change", name)
		}
	}
}

// TestLARSNormsOfLargeParameters has a parameter of 40,000 numbers, for which each lane of a group reads several blocks, behind a small one. The eager twin
// gives the same bits.
func TestLARSNormsOfLargeParameters(t *testing.T) {
	values := map[string][]float32{"small": {1, 2, 3}, "large": uniform(3, 40000)}
	gradients := map[string][]float32{"small": {1, 1, 1}, "large": uniform(4, 40000)}
	results := map[string][]float32{}
	for _, eager := range []bool{false, true} {
		vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = eager })
		u := updater(t, device, values, 0, kernels.LARS{Trust: 0.02}.Update, "small", "large")
		u.apply(1, gradients, map[string]float64{"lr": 0.1, "decay": 0.5})
		for name := range values {
			n, got := len(values[name]), u.read((*kernels.Param).Read, name)
			p, v := ref.LARS(ref.FromFloat32(values[name], n), ref.FromFloat32(gradients[name], n), ref.New(n), 0.02, ref.SGDParams{LR: 0.1, Decay: 0.5})
			near(t, name, got, p.Data, optimizerTolerance)
			near(t, name+", velocity", u.read(moment(0), name), v.Data, optimizerTolerance)
			if other := results[name]; other != nil && !slices.Equal(got, other) {
				t.Errorf("%s differs in the eager twin", name)
			}
			results[name] = got
		}
	}
}

// TestLARSDispatchesDoNotGrowWithParameters also checks that a learning rate of 0, as in the first step of a warm-up, does not divide by 0.
func TestLARSDispatchesDoNotGrowWithParameters(t *testing.T) {
	steps := func(n int) int {
		prog, st := build(t, func(g *kernels.Graph) {
			for i := range n {
				g.Store().Param(string(rune('a'+i)), ones(3), 3)
			}
			kernels.LARS{Trust: 0.02, Clipped: true}.Update(g)
		})
		r := begin(t, prog.Segment("main"))
		r.Set("lr", 0)
		r.Set("decay", 0.1)
		wait(t, submit(t, r))
		for _, p := range st.Params() {
			if v, err := p.Read(); err != nil || !slices.Equal(v, []float32{1, 1, 1}) {
				t.Errorf("%v, %v after a step of rate 0", v, err)
			}
		}
		return prog.Steps()
	}
	if few, many := steps(1), steps(20); few != 4 || many != 4 {
		t.Errorf("%d dispatches for one parameter, %d for twenty, want 4", few, many)
	}
}
