package eval_test

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/eval"
)

// Of a linear head on the mean of a map, the gradient of a class's logit is the class's weights divided by the number of positions, everywhere.
func TestClassGradientsOfALinearHeadAreItsWeights(t *testing.T) {
	const size, images, classes = 64, 3, 4
	set := datatest.Labeled(images, size, 1)
	network, err := net.NewConfig("resnet10", map[string]any{"width": 4}, "", set.C)
	if err != nil {
		t.Fatal(err)
	}
	network.Arch.Resolve(size)
	st := kernels.NewStore(device)
	defer st.Free()
	b, err := network.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := net.Scope{Store: st, Seed: 2}.Classifier(b, nil, classes, false)
	mean, std := set.Stats()
	chosen := []int{2, 0, 3}
	got, err := eval.NewClassGradients(t.Context(), st, c, eval.Inputs{Mean: mean, Std: std, Size: size}, set, chosen)
	if err != nil {
		t.Fatal(err)
	}
	d, positions := got.Shape[2], got.Shape[0]*got.Shape[1]
	i := slices.IndexFunc(st.Params(), func(p *kernels.Param) bool { return p.Name == net.HeadPrefix+".weight" })
	weights, err := st.Params()[i].Read()
	if err != nil || positions < 4 || len(got.Map) != images*positions*d || len(got.Gradient) != len(got.Map) {
		t.Fatalf("%v: maps of %v, %d numbers", err, got.Shape, len(got.Map))
	}
	for i, g := range got.Gradient {
		want := float64(weights[chosen[i/(positions*d)]*d+i%d]) / float64(positions)
		if !(math.Abs(float64(g)-want) <= 1e-6) {
			t.Fatalf("image %d, number %d: gradient %v, want %v", i/(positions*d), i%(positions*d), g, want)
		}
	}
}
