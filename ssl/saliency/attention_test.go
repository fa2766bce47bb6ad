package saliency

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

// run builds a program of one input and one output and returns what it computes of x.
func run(t *testing.T, st *kernels.Store, x []float32, shape []int, record func(x *kernels.Tensor) *kernels.Tensor) []float32 {
	t.Helper()
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) { g.Output("y", record(g.Input("x", kernels.F32, shape...))) })
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("x"), x, shape[len(shape)-1])
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(r.Output("y")) // the memory is that of the program
}

// The value of token t in each head is the unit vector t, so the device's output at the class token is its attention to each token, head by head. Queries and
// keys are those of the last block of a transformer.
func TestClassAttentionIsThatOfTheDevice(t *testing.T) {
	const images, side, heads, width = 2, 6, 3, 12
	const tokens, d = 1 + side*side/4, heads * width // patches of 2×2 pixels
	st := kernels.NewStore(device)
	defer st.Free()
	c, err := net.NewConfig("vit-tiny", map[string]any{"patch": 2, "embed-dim": d, "depth": 2, "heads": heads, "grid": side / 2}, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	backbone, err := c.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	network, ok := net.Patches(backbone)
	if !ok {
		t.Fatal("the network has no patches")
	}
	pixels := make([]float32, images*side*side*3)
	rng.New(5).Uniform(pixels, -1, 1)
	qkv := run(t, st, pixels, []int{images, side, side, 3}, func(x *kernels.Tensor) *kernels.Tensor {
		y, n := network.LastAttention(x, net.Eval)
		if n != heads {
			t.Errorf("%d heads, want %d", n, heads)
		}
		return y
	})
	for row := range images * tokens {
		qk, v := qkv[row*3*d:][:2*d], qkv[row*3*d+2*d:][:d]
		for i := range qk {
			qk[i] *= 8 // as initialized, a network looks everywhere alike
		}
		clear(v)
		for head := range heads {
			v[head*width+row%tokens] = 1
		}
	}
	y := run(t, st, qkv, []int{images, tokens, 3 * d}, func(x *kernels.Tensor) *kernels.Tensor { return kernels.Attention(x, heads) })
	least, most := 1.0, 0.0
	for n := range images {
		got := ClassAttention(qkv[n*tokens*3*d:][:tokens*3*d], tokens, heads)
		for patch, a := range got {
			want := 0.0
			for head := range heads {
				want += float64(y[n*tokens*d+head*width+1+patch]) / heads
			}
			if math.Abs(a-want) > 1e-6 {
				t.Errorf("image %d, patch %d: %v, want %v", n, patch, a, want)
			}
			least, most = min(least, a), max(most, a)
		}
	}
	if most < 2*least {
		t.Errorf("attention of %v to %v: the test tells no patches apart", least, most)
	}
}
