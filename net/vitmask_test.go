package net_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// masked returns the tokens that index names of two images of 6 × 6 pixels.
func masked(t *testing.T, st *kernels.Store, n net.PatchNetwork, x []float32, index []int32) []float32 {
	t.Helper()
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		y := n.MapTokens(g.Input("images", kernels.F32, 2, 6, 6, 3), g.Input("index", kernels.I32, len(index)), net.Eval)
		g.Output("tokens", y)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("images"), x, 3)
	copy(r.Ints("index"), index)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(r.Output("tokens"))
}

// All tokens in another order are those of Map in that order, up to the rounding of sums over them. A token that is left out changes the others.
func TestTokensOfSomePatchesAreThoseOfANetworkWithoutTheOthers(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	b := randomViT(t, st, smallViT(t, map[string]any{"pool": "mean"}))
	n, ok := net.Patches(b)
	if !ok || n.PatchSize() != 2 {
		t.Fatalf("a vision transformer has no patches of 2 pixels")
	}
	x := uniform(2*6*6*3, 4)
	order := []int32{0, 4, 7, 1, 8, 2, 9, 6, 3, 5}
	all, same := masked(t, st, n, x, slices.Concat(order, order)), masked(t, st, n, x, slices.Repeat([]int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 2))
	for image := range 2 {
		for to, from := range order {
			at := func(v []float32, token int) []float32 { return v[(image*10+token)*32:][:32] }
			if d := distance(at(all, to), doubles(at(same, int(from)))); !(d <= 1e-5) {
				t.Errorf("image %d, token %d: %.2g from the same token in the order of the image", image, from, d)
			}
		}
	}
	var mean [32]float64 // of the patches of the first image, which Forward returns
	for i, v := range same[32 : 10*32] {
		mean[i%32] += float64(v) / 9
	}
	if d := distance(forward(t, st, b, net.Eval, x, 2, 6, 6, 3)[:32], mean[:]); !(d <= 1e-5) {
		t.Errorf("the mean of all patches is %.2g from the features", d)
	}
	some := masked(t, st, n, x, []int32{0, 4, 7, 0, 1, 8})
	if d := distance(some[:32], doubles(same[:32])); d < 1e-3 {
		t.Errorf("the class token with two patches is only %.2g from that with nine", d)
	}
}

// Fixed positions are a state without a gradient, which a file holds under the name of learned ones. Momentum encoders have the same.
func TestFixedPositionsAreStored(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	b, err := smallViT(t, map[string]any{"positions": "sincos", "xavier": true}).New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(st.Params(), func(p *kernels.Param) bool { return p.Name == net.BackbonePrefix+"pos_embed" }) {
		t.Error("fixed positions are a parameter")
	}
	v := read(t, state(t, st, net.BackbonePrefix+"pos_embed").Read)
	if len(v) != 10*32 || v[0] != 0 || math.Abs(float64(v[2*32])-math.Sin(1)) > 1e-6 {
		t.Errorf("%d numbers of positions, that of patch (0, 1) begins with %v", len(v), v[2*32])
	}
	x := uniform(6*6*3, 4)
	teacher := forward(t, st, net.Momentum(b), net.Eval, x, 1, 6, 6, 3)
	if y := forward(t, st, b, net.Eval, x, 1, 6, 6, 3); !slices.Equal(y, teacher) {
		t.Error("the momentum encoder has other positions")
	}
	if y := forward(t, st, b, net.Eval, uniform(8*4*3, 4), 1, 8, 4, 3); len(y) != 32 { // interpolated
		t.Errorf("%d features of an image of another size", len(y))
	}
	bias := read(t, param(t, st, net.BackbonePrefix+"blocks.1.attn.qkv.bias").Read)
	weight := read(t, param(t, st, net.BackbonePrefix+"blocks.1.attn.qkv.weight").Read)
	bound := float32(math.Sqrt(6. / (32 + 96)))
	if slices.Max(bias) != 0 || slices.Max(weight) > bound || slices.Max(weight) < 0.95*bound {
		t.Errorf("weights up to %v, biases up to %v: want those of Xavier, up to %v, and 0", slices.Max(weight), slices.Max(bias), bound)
	}
}

func TestOnlyTransformersHavePatches(t *testing.T) {
	b, err := resnet(t, "resnet10", "cifar", 4, "").New(kernels.NewStore(nil), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := net.Patches(b); ok {
		t.Error("a ResNet has patches")
	}
	for arch, want := range map[string]bool{"resnet10": false, "vit-tiny": true} {
		a, err := net.NewArchitecture(arch)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := net.PatchSize(a); ok != want {
			t.Errorf("%s has patches: %t, want %t", arch, ok, want)
		}
	}
}

func TestDecoderRefusesHeadsThatDoNotDivideItsWidth(t *testing.T) {
	_, err := kernels.TraceOps(kernels.NewStore(nil), func(g *kernels.Graph) {
		net.Scope{Store: g.Store()}.ViTDecoder(net.ViTDecoderConfig{In: 8, Out: 4, Rows: 2, Columns: 2, Width: 24, Depth: 1, Heads: 4})
	})
	if err == nil || !strings.Contains(err.Error(), "a multiple of 16") {
		t.Errorf("24 features in 4 heads: %v", err)
	}
}
