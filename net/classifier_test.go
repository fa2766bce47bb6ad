package net_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// classifierWeights returns the file of a classifier of three classes with hidden layers.
func classifierWeights(t *testing.T, hidden ...int) *net.Weights {
	t.Helper()
	st := kernels.NewStore(nil)
	c, err := net.NewConfig("resnet10", map[string]any{"stem": "cifar", "width": 4}, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	net.Scope{Store: st, Seed: 1}.Classifier(b, hidden, 3, false)
	w := &net.Weights{Path: "x.onnx", Metadata: map[string]string{"marr.arch": "resnet10", "marr.stem": "cifar", "marr.width": "4", "marr.channels": "3"}}
	add := func(name string, shape []int, read func() ([]float32, error)) {
		v, err := read()
		if err != nil {
			t.Fatal(err)
		}
		shape, v = net.ToTorch(shape, v)
		w.Tensors = append(w.Tensors, net.FromFloat32s(strings.TrimPrefix(name, net.BackbonePrefix), shape, v))
	}
	for _, p := range st.Params() {
		add(p.Name, p.Shape, p.Read)
	}
	for _, s := range st.States() {
		add(s.Name, s.Shape, s.Read)
	}
	return w
}

func TestClassifierIsReadBackFromItsFile(t *testing.T) {
	for _, hidden := range [][]int{nil, {6}, {6, 5}} {
		w := classifierWeights(t, hidden...)
		st := kernels.NewStore(nil)
		c, classes, err := w.Classifier(st)
		if err != nil || classes != 3 || c == nil {
			t.Fatalf("hidden layers %v: %d classes, %v", hidden, classes, err)
		}
		for _, p := range st.Params() {
			i := slices.IndexFunc(w.Tensors, func(b net.Blob) bool { return b.Name == strings.TrimPrefix(p.Name, net.BackbonePrefix) })
			if i < 0 {
				t.Errorf("hidden layers %v: the classifier has %s, the file does not", hidden, p.Name)
				continue
			}
			want, err := net.Float32s(w.Tensors[i])
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Read(); err != nil || !slices.Equal(got, net.FromTorch(p.Shape, want)) {
				t.Errorf("hidden layers %v: %s is not the file's (%v)", hidden, p.Name, err)
			}
		}
	}
}

func TestFilesWithoutAFittingHeadAreRefused(t *testing.T) {
	without := func(name string) func(*net.Weights) {
		return func(w *net.Weights) {
			w.Tensors = slices.DeleteFunc(w.Tensors, func(b net.Blob) bool { return strings.HasPrefix(b.Name, name) })
		}
	}
	for want, change := range map[string]func(*net.Weights){
		"it has no classifier":  without("fc."),
		"it lacks fc.2.bias":    without("fc.2.bias"),
		"it lacks conv1.weight": without("conv1.weight"),
		"fc.0.weight [6 9], want": func(w *net.Weights) {
			w.Tensors = append(w.Tensors, net.FromFloat32s("fc.0.weight", []int{6, 9}, make([]float32, 54)))
		},
	} {
		w := classifierWeights(t, 6)
		change(w)
		if _, _, err := w.Classifier(kernels.NewStore(nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
