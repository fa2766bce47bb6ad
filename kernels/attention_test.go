package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// attend runs Attention with one head of 4 numbers on one image of qkv, rows of 12, and its backward from dy. It returns y and the gradient of qkv.
func attend(t *testing.T, tokens int, qkv, dy []float32) (y, dqkv []float32) {
	t.Helper()
	prog, _ := build(t, func(g *kernels.Graph) {
		x := g.Input("qkv", kernels.F32, 1, tokens, 12).Track()
		y := kernels.Attention(x, 1)
		g.Output("y", y)
		g.BackwardFrom(y, g.Input("dy", kernels.F32, 1, tokens, 4))
		g.Output("dqkv", x.Grad())
	})
	r := begin(t, prog.Segment("main"))
	copy(r.Floats("qkv"), qkv)
	copy(r.Floats("dy"), dy)
	wait(t, submit(t, r))
	return slices.Clone(r.Output("y")), slices.Clone(r.Output("dqkv"))
}

// eachAttention runs f with each family of attention's kernels.
func eachAttention(t *testing.T, f func(t *testing.T)) {
	for _, words := range []string{"texel,lean", "plain,lean", "tiled", "composed"} {
		t.Run(words, func(t *testing.T) {
			vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = words })
			f(t)
		})
	}
}

// wantNear requires numbers within 2e-6: the expected ones have six digits.
func wantNear(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(float64(got[i]-w)) <= 2e-6*max(1, math.Abs(float64(w)))) {
			t.Errorf("%s: got %v, want %v", what, got, want)
			return
		}
	}
}

// packed returns the rows q, k, v of two numbers each as rows of three vectors of four, with the queries times factor.
func packed(factor float32, q, k, v [][2]float32) (rows []float32) {
	for i := range q {
		rows = append(rows, factor*q[i][0], factor*q[i][1], 0, 0, k[i][0], k[i][1], 0, 0, v[i][0], v[i][1], 0, 0)
	}
	return rows
}

// Two tokens and a head of two numbers, computed in float64 with PyTorch: q = [[1, 0], [0, 2]], k = [[1, 1], [0, 1]], v = [[1, 2], [3, −1]], dy = I. The
// kernels divide the scores of four numbers by 2, so the queries are multiplied by √2 and their gradient is divided by it.
func TestAttentionOfTwoTokens(t *testing.T) {
	q, k, v := [][2]float32{{1, 0}, {0, 2}}, [][2]float32{{1, 1}, {0, 1}}, [][2]float32{{1, 2}, {3, -1}}
	dy := []float32{1, 0, 0, 0, 0, 1, 0, 0}
	eachAttention(t, func(t *testing.T) {
		y, dqkv := attend(t, 2, packed(math.Sqrt2, q, k, v), dy)
		wantNear(t, "y", y, []float32{1.660477, 1.009285, 0, 0, 2, .5, 0, 0})
		for i := range dqkv {
			if i%12 < 4 {
				dqkv[i] *= math.Sqrt2
			}
		}
		wantNear(t, "gradient", dqkv, packed(1, [][2]float32{{-.312797, 0}, {.530330, 0}}, [][2]float32{{-.312797, 1.060660}, {.312797, -1.060660}},
			[][2]float32{{.669762, .5}, {.330238, .5}}))

		// Scores up to 1414 overflow exp: the weights are [[1, 0], [.5, .5]].
		y, dqkv = attend(t, 2, packed(1000*math.Sqrt2, q, k, v), dy)
		wantNear(t, "y of large scores", y, []float32{1, 2, 0, 0, 2, .5, 0, 0})
		dk, scale := float32(1060.660172), float32(1000*math.Sqrt2) // scale · Σ ds·q = 1000/√2 · .5·1.5 · 2
		for i := range dqkv {
			if i%12 < 4 {
				dqkv[i] *= scale
			}
		}
		wantNear(t, "gradient of large scores", dqkv, packed(1, [][2]float32{{0, 0}, {530.330086, 0}}, [][2]float32{{0, dk}, {0, -dk}},
			[][2]float32{{1, .5}, {0, .5}}))
	})
}

// With one token the weight is 1, so y = v, and the scores have no effect.
func TestAttentionOfOneTokenIsItsValue(t *testing.T) {
	eachAttention(t, func(t *testing.T) {
		y, dqkv := attend(t, 1, uniform(1, 12), []float32{1, 2, 3, 4})
		if want := uniform(1, 12)[8:]; !slices.Equal(y[:4], want) {
			t.Errorf("y %v, want the value %v", y, want)
		}
		if want := []float32{0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}; !slices.Equal(dqkv[:12], want) {
			t.Errorf("gradient %v, want %v", dqkv, want)
		}
	})
}

func TestAttentionToEqualKeysIsTheMeanOfTheValues(t *testing.T) {
	const tokens = 37
	qkv, mean := uniform(2, tokens*12), make([]float32, 4)
	for i := range tokens {
		copy(qkv[i*12+4:], qkv[4:8])
		for d := range mean {
			mean[d] += qkv[i*12+8+d] / tokens
		}
	}
	eachAttention(t, func(t *testing.T) {
		y, _ := attend(t, tokens, qkv, make([]float32, tokens*4))
		wantNear(t, "y", y, slices.Repeat(mean, tokens))
	})
}

// Adding one vector to all keys adds one number to all scores of a query.
func TestAttentionIgnoresAVectorAddedToAllKeys(t *testing.T) {
	const tokens = 37
	qkv, dy := uniform(3, tokens*12), uniform(4, tokens*4)
	moved := slices.Clone(qkv)
	for i := range tokens {
		for d := range 4 {
			moved[i*12+4+d] += .5 * float32(d)
		}
	}
	eachAttention(t, func(t *testing.T) {
		y, dqkv := attend(t, tokens, qkv, dy)
		again, dagain := attend(t, tokens, moved, dy)
		wantNear(t, "y", again, y)
		for i := range dqkv { // a query's gradient is the same for all of its keys' common vector, since Σ ds = 0
			if math.Abs(float64(dqkv[i]-dagain[i])) > 1e-5 {
				t.Fatalf("element %d of the gradient is %v, want %v", i, dagain[i], dqkv[i])
			}
		}
	})
}

// TestAttentionMemoryDoesNotGrowWithTheSquareOfTheTokens: the weights of 4096 tokens would take 64 MiB, and their gradient as much.
func TestAttentionMemoryDoesNotGrowWithTheSquareOfTheTokens(t *testing.T) {
	for _, words := range []string{"lean", "tiled"} {
		vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels, s.Eager, s.Poison = words, false, false })
		prog, _ := build(t, func(g *kernels.Graph) {
			qkv := g.Input("qkv", kernels.F32, 1, 4096, 12).Track()
			y := kernels.Attention(qkv, 1)
			g.BackwardFrom(y, g.Input("dy", kernels.F32, y.Shape()...))
			g.Output("dqkv", qkv.Grad())
		})
		if most := int64(640 << 10); prog.Planned() > most { // qkv and its gradient 192 KiB each, y, dy and the rows 64 KiB each
			t.Errorf("%s: %d bytes planned, want at most %d", words, prog.Planned(), most)
		}
	}
}

// The device's family up to a width of 64, composed beyond, and what MARR_KERNELS names.
func TestAttentionKernelsAreChosenByWidthAndFamily(t *testing.T) {
	family := "tiled"
	if device.Info().Type == vk.CPU {
		family = "lean"
	}
	for _, c := range []struct {
		words string
		width int
		want  string
	}{
		{"texel", 64, family}, {"plain", 64, family}, {"texel", 68, "composed"}, {"plain", 68, "composed"},
		{"tiled", 4, "tiled"}, {"texel,lean", 64, "lean"}, {"plain,lean", 64, "lean"}, {"tiled", 68, "composed"}, {"composed", 4, "composed"},
	} {
		vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = c.words })
		prog, _ := build(t, func(g *kernels.Graph) {
			g.Output("y", kernels.Attention(g.Input("qkv", kernels.F32, 1, 2, 3*c.width), 1))
		})
		if got := prog.Variants()["attention width="+fmt.Sprint(c.width)]; got != "attention_"+c.want {
			t.Errorf("%s, width %d: %q, want %s; all: %v", c.words, c.width, got, c.want, prog.Variants())
		}
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "" })
	tune, _ := tuner(kernels.TuneFull, "") // which cannot time them
	st := store(t)
	st.SetTuner(tune)
	st.Pin(map[string]string{"attention width=4": "attention_tiled"})
	p, err := kernels.Build(device, st, func(g *kernels.Graph) {
		g.Output("y", kernels.Attention(g.Input("qkv", kernels.F32, 1, 2, 12), 1))
		g.Output("wide", kernels.Attention(g.Input("wide", kernels.F32, 1, 2, 24), 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	if got := p.Variants()["attention width=4"]; got != "attention_tiled" {
		t.Errorf("pinned attention_tiled, got %q", got)
	}
	if got := p.Variants()["attention width=8"]; got != "attention_"+family {
		t.Errorf("with a tuner %q, want attention_%s", got, family)
	}
	if a := strings.Join(p.Alternatives(), " "); a != "attention_composed" {
		t.Errorf("alternatives %q", a)
	}
}
