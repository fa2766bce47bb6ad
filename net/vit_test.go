package net_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
)

// smallViT returns the configuration of a small vision transformer for images of three channels.
func smallViT(t *testing.T, settings map[string]any) net.Config {
	t.Helper()
	all := map[string]any{"patch": 2, "embed-dim": 32, "depth": 2, "heads": 2, "grid": 3}
	for k, v := range settings {
		all[k] = v
	}
	c, err := net.NewConfig("vit-tiny", all, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// There are no kinks: PyTorch's float32 is up to 2.4e-6 from its float64 (vit.py), and the sums here are longer by a few roundings.
func TestViTsMatchPyTorch(t *testing.T) {
	file, err := golden.Load("testdata/vit.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			settings := map[string]any{"pool": "cls"}
			for _, name := range []string{"patch", "embed-dim", "depth", "heads", "grid"} {
				settings[name] = int(c.Attrs[name])
			}
			if c.Attrs["mean"] == 1 {
				settings["pool"] = "mean"
			}
			matchNetwork(t, c, smallViT(t, settings), 2e-5)
		})
	}
}

// The names are those of the state_dict of timm's vit_tiny_patch16_224 without its head.
func TestParameterNamesOfViTsAreThoseOfTimm(t *testing.T) {
	st := kernels.NewStore(nil)
	if _, err := smallViT(t, nil).New(st, 1); err != nil {
		t.Fatal(err)
	}
	want := []string{"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "norm.weight", "norm.bias"}
	for i := range 2 {
		for _, name := range []string{"norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"} {
			want = append(want, fmt.Sprintf("blocks.%d.%s.weight", i, name), fmt.Sprintf("blocks.%d.%s.bias", i, name))
		}
	}
	for i := range want {
		want[i] = net.BackbonePrefix + want[i]
	}
	slices.Sort(want)
	if got := names(st); !slices.Equal(got, want) {
		t.Errorf("names\n%v\nwant\n%v", got, want)
	}
}

// The numbers are those of timm with num_classes=0. Drawing the initial values of 12 blocks takes long; all blocks have as many as the second.
func TestViTsHaveAsManyParametersAsTimms(t *testing.T) {
	count := func(size, depth int) (n int) {
		c, err := net.NewConfig("vit-tiny", map[string]any{"depth": depth}, "", 3)
		if err != nil {
			t.Fatal(err)
		}
		c.Arch.Resolve(size)
		st := kernels.NewStore(nil)
		if _, err := c.New(st, 1); err != nil {
			t.Fatal(err)
		}
		for _, p := range st.Params() {
			n += len(read(t, p.Read))
		}
		return n
	}
	for size, want := range map[int]int{32: 5360832, 224: 5524416} {
		one, two := count(size, 1), count(size, 2)
		if got := two + 10*(two-one); got != want {
			t.Errorf("%d px: %d parameters, want %d", size, got, want)
		}
	}
}

func TestSettingsOfViTsFollowTheSize(t *testing.T) {
	for _, x := range []struct {
		arch  string
		size  int
		given net.ViT
		want  net.ViT
	}{
		{"vit-tiny", 32, net.ViT{}, net.ViT{Patch: 4, EmbedDim: 192, Depth: 12, Heads: 3, Grid: 8}},
		{"vit-small", 96, net.ViT{}, net.ViT{Patch: 8, EmbedDim: 384, Depth: 12, Heads: 6, Grid: 12}},
		{"vit-base", 224, net.ViT{}, net.ViT{Patch: 16, EmbedDim: 768, Depth: 12, Heads: 12, Grid: 14}},
		{"vit-tiny", 32, net.ViT{Patch: 8, EmbedDim: 96, Depth: 3, Grid: 5}, net.ViT{Patch: 8, EmbedDim: 96, Depth: 3, Heads: 2, Grid: 5}},
		{"vit-tiny", 30, net.ViT{EmbedDim: 100, Heads: 5}, net.ViT{Patch: 4, EmbedDim: 100, Depth: 12, Heads: 5, Grid: 7}},
		{"vit-tiny", 30, net.ViT{EmbedDim: 100}, net.ViT{Patch: 4, EmbedDim: 100, Depth: 12, Heads: 1, Grid: 7}},
	} {
		a, err := net.NewArchitecture(x.arch)
		if err != nil {
			t.Fatal(err)
		}
		v := a.(*net.ViT)
		v.Patch, v.EmbedDim, v.Depth, v.Heads, v.Grid = x.given.Patch, x.given.EmbedDim, x.given.Depth, x.given.Heads, x.given.Grid
		v.Resolve(x.size)
		got := net.ViT{Patch: v.Patch, EmbedDim: v.EmbedDim, Depth: v.Depth, Heads: v.Heads, Grid: v.Grid}
		if got != x.want || v.Check() != nil {
			t.Errorf("%s at %d px: %+v, want %+v", x.arch, x.size, got, x.want)
		}
	}
	if err := smallViT(t, map[string]any{"embed-dim": 36, "heads": 2}).Arch.Check(); err == nil {
		t.Error("heads of 18 features are accepted, want a multiple of 4")
	}
}

// randomViT returns a network whose values are all random and of order 1, so that no layer is nearly the identity.
func randomViT(t *testing.T, st *kernels.Store, c net.Config) net.Backbone {
	t.Helper()
	b, err := c.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range st.Params() {
		v := make([]float32, len(read(t, p.Read)))
		rng.New(3, uint32(i)).Uniform(v, -0.3, 0.3)
		if err := p.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// Attention does not depend on the order of tokens. The sums over them are in another order.
func TestPermutingPatchesWithTheirPositionsLeavesTheClassToken(t *testing.T) {
	const grid, patch, channels = 3, 2, 3
	st := kernels.NewStore(device)
	defer st.Free()
	b := randomViT(t, st, smallViT(t, nil))
	const px = grid * patch
	x := uniform(px*px*channels, 4)
	before := forward(t, st, b, net.Eval, x, 1, px, px, channels)

	order := []int{4, 7, 0, 8, 2, 1, 6, 3, 5}
	permuted := make([]float32, len(x))
	positions := param(t, st, net.BackbonePrefix+"pos_embed")
	old := read(t, positions.Read)
	moved := slices.Clone(old)
	width := positions.Shape[2]
	for to, from := range order {
		copy(moved[(1+to)*width:(2+to)*width], old[(1+from)*width:])
		for row := range patch {
			at := func(i int) int { return ((i/grid*patch+row)*px + i%grid*patch) * channels }
			copy(permuted[at(to):at(to)+patch*channels], x[at(from):])
		}
	}
	alone := forward(t, st, b, net.Eval, permuted, 1, px, px, channels)
	if d := distance(alone, doubles(before)); d < 1e-3 {
		t.Errorf("permuted patches without their positions: features differ by %.2g only", d)
	}
	if err := positions.Write(moved); err != nil {
		t.Fatal(err)
	}
	after := forward(t, st, b, net.Eval, permuted, 1, px, px, channels)
	if d := distance(after, doubles(before)); !(d <= 1e-5) {
		t.Errorf("features differ by %.2g, want at most 1e-5", d)
	}
}

func doubles(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// With proj and fc2 at 0 each block adds nothing: the network is the norm of cls_token and its position.
func TestBlocksWithoutOutputAreTheIdentity(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	b := randomViT(t, st, smallViT(t, nil))
	for i := range 2 {
		scaleLinear(t, st, fmt.Sprintf("blocks.%d.attn.proj", i), 0)
		scaleLinear(t, st, fmt.Sprintf("blocks.%d.mlp.fc2", i), 0)
	}
	got := forward(t, st, b, net.Eval, uniform(2*6*6*3, 4), 2, 6, 6, 3)
	value := func(name string) []float64 {
		return doubles(read(t, param(t, st, net.BackbonePrefix+name).Read))
	}
	want, positions, gamma, beta := value("cls_token"), value("pos_embed"), value("norm.weight"), value("norm.bias")
	for i := range want {
		want[i] += positions[i]
	}
	want = ref.LayerNorm(ref.From(want, 1, 32), ref.From(gamma, 32), ref.From(beta, 32), 1e-6).Data
	if d := distance(got, append(slices.Clone(want), want...)); !(d <= layerTolerance) {
		t.Errorf("features are %.2g from the norm of the class token, want at most %g", d, layerTolerance)
	}
}

func TestEqualImagesHaveEqualFeatures(t *testing.T) {
	for _, pool := range []string{"cls", "mean"} {
		st := kernels.NewStore(device)
		b := randomViT(t, st, smallViT(t, map[string]any{"pool": pool}))
		x := uniform(8*6*3, 4) // 4 × 3 patches
		y := forward(t, st, b, net.Eval, slices.Concat(x, uniform(8*6*3, 5), x), 3, 8, 6, 3)
		if a, other, c := y[:32], y[32:64], y[64:]; !slices.Equal(a, c) || slices.Equal(a, other) {
			t.Errorf("%s: features of equal images %v and %v", pool, a[:4], c[:4])
		}
		st.Free()
	}
}

// The momentum encoder starts as a copy of the network, and does not follow a change of its parameters.
func TestMomentumEncoderOfAViTUsesTheAverages(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	b := randomViT(t, st, smallViT(t, nil))
	teacher, x := net.Momentum(b), uniform(6*6*3, 4)
	before := forward(t, st, teacher, net.Train, x, 1, 6, 6, 3)
	if y := forward(t, st, b, net.Train, x, 1, 6, 6, 3); !slices.Equal(y, before) {
		t.Error("the momentum encoder does not start as a copy")
	}
	for _, p := range st.Params() {
		v := read(t, p.Read)
		for i := range v {
			v[i] = -v[i]
		}
		if err := p.Write(v); err != nil {
			t.Fatal(err)
		}
		if y := forward(t, st, teacher, net.Train, x, 1, 6, 6, 3); !slices.Equal(y, before) {
			t.Errorf("the momentum encoder reads %s in place of its average", p.Name)
		}
	}
}

// The last block omits each branch of a sample with probability 0.4, independently, and divides those that it keeps by 0.6; the first block omits none. So
// the features of equal images have four values. Inference and the momentum encoder omit nothing.
func TestDropPathOmitsBranchesOfSamplesInTraining(t *testing.T) {
	const n, rate, dim = 400, 0.4, 32
	st := kernels.NewStore(device)
	defer st.Free()
	b := randomViT(t, st, smallViT(t, map[string]any{"drop-path": rate, "grid": 1}))
	image := uniform(2*2*3, 4)
	images := slices.Repeat(image, n)
	row := func(m net.Module, mode net.Mode) []float32 { return forward(t, st, m, mode, image, 1, 2, 2, 3) }
	teacher := row(net.Momentum(b), net.Train) // the first program, which creates the averages
	whole := row(b, net.Eval)
	got := forward(t, st, b, net.Train, images, n, 2, 2, 3)
	if !slices.Equal(whole, teacher) {
		t.Error("the momentum encoder omits branches")
	}
	wanted := map[string]float64{} // by the features of a sample, their probability
	rounded := func(v []float32) string { return fmt.Sprintf("%.3f", v[:8]) }
	for _, attn := range []bool{false, true} {
		for _, mlp := range []bool{false, true} {
			factor, probability := [2]float32{}, 1.0
			for i, kept := range []bool{attn, mlp} {
				if kept {
					factor[i], probability = 1/(1-rate), probability*(1-rate)
				} else {
					probability *= rate
				}
			}
			undoAttn, undoMLP := scaleLinear(t, st, "blocks.1.attn.proj", factor[0]), scaleLinear(t, st, "blocks.1.mlp.fc2", factor[1])
			wanted[rounded(row(b, net.Eval))] = probability
			undoAttn()
			undoMLP()
		}
	}
	counts := map[string]int{}
	for i := range n {
		counts[rounded(got[i*dim:])]++
	}
	for features, count := range counts {
		p, ok := wanted[features]
		if deviation := math.Sqrt(n * p * (1 - p)); !ok || math.Abs(float64(count)-n*p) > 4*deviation {
			t.Errorf("features %s of %d samples, want %g", features, count, n*p)
		}
	}
	if len(counts) != 4 || len(wanted) != 4 {
		t.Errorf("%d different features, want those of 4 of %d", len(counts), len(wanted))
	}
}

// scaleLinear multiplies weight and bias of a linear layer, and returns a function that undoes it.
func scaleLinear(t *testing.T, st *kernels.Store, name string, by float32) (undo func()) {
	t.Helper()
	var before [2][]float32
	write := func(i int, v []float32) {
		if err := param(t, st, net.BackbonePrefix+name+[2]string{".weight", ".bias"}[i]).Write(v); err != nil {
			t.Fatal(err)
		}
	}
	for i, part := range []string{".weight", ".bias"} {
		before[i] = read(t, param(t, st, net.BackbonePrefix+name+part).Read)
		v := slices.Clone(before[i])
		for j := range v {
			v[j] *= by
		}
		write(i, v)
	}
	return func() {
		for i, v := range before {
			write(i, v)
		}
	}
}

// With a weight of zeros, what the last block's attention takes is the bias of its layer attn.qkv, and depends on nothing behind it.
func TestLastAttentionIsThatOfTheLastBlock(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	n, _ := net.Patches(randomViT(t, st, smallViT(t, nil)))
	var bias []float32
	for _, p := range st.Params() {
		switch p.Name {
		case net.BackbonePrefix + "blocks.1.attn.qkv.weight":
			if err := p.Write(make([]float32, 3*32*32)); err != nil {
				t.Fatal(err)
			}
		case net.BackbonePrefix + "blocks.1.attn.qkv.bias":
			bias = read(t, p.Read)
		}
	}
	heads := 0
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		qkv, h := n.LastAttention(g.Input("images", kernels.F32, 2, 6, 6, 3), net.Eval)
		heads = h
		g.Output("qkv", qkv)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("images"), uniform(2*6*6*3, 4), 3)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := r.Output("qkv"); heads != 2 || !slices.Equal(got, slices.Repeat(bias, 2*10)) {
		t.Errorf("%d heads and %d numbers that are not the bias", heads, len(got))
	}
}
