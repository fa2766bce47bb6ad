package net_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// torchFile returns the tensors of a backbone as torchvision saves them: its own names, counters of batches, and a classifier.
func torchFile(t *testing.T, c net.Config, seed uint64) *net.Weights {
	t.Helper()
	st := kernels.NewStore(nil)
	if _, err := c.New(st, seed); err != nil {
		t.Fatal(err)
	}
	w := &net.Weights{Path: "r.safetensors", Metadata: map[string]string{"format": "pt"}}
	add := func(stored string, shape []int, read func() ([]float32, error)) {
		v, err := read()
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(stored, net.BackbonePrefix)
		shape, v = net.ToTorch(shape, v)
		w.Tensors = append(w.Tensors, net.FromFloat32s(name, shape, v))
		if prefix, ok := strings.CutSuffix(name, ".running_var"); ok {
			w.Tensors = append(w.Tensors, net.Blob{Name: prefix + ".num_batches_tracked", DType: "I64", Data: make([]byte, 8)})
		}
	}
	for _, p := range st.Params() {
		add(p.Name, p.Shape, p.Read)
	}
	for _, s := range st.States() {
		if strings.HasPrefix(s.Name, net.BackbonePrefix) {
			add(s.Name, s.Shape, s.Read)
		}
	}
	w.Tensors = append(w.Tensors, net.FromFloat32s("fc.weight", []int{2, 1}, []float32{1, 2}), net.FromFloat32s("fc.bias", []int{2}, []float32{1, 2}))
	return w
}

func TestFilesOfTorchvisionAreRecognizedByTheirShapes(t *testing.T) {
	for _, x := range []struct {
		arch, stem string
		width      int
		channels   int
		given      map[string]any
	}{
		{"resnet10", "imagenet", 3, 3, nil},
		{"resnet18", "imagenet", 64, 3, nil},
		{"resnet34", "imagenet", 2, 1, nil},
		{"resnet50", "imagenet", 2, 3, nil},
		{"resnet18", "strided", 2, 3, map[string]any{"stem": "strided"}},
		{"resnet50", "cifar", 2, 3, map[string]any{"stem": "cifar"}},
	} {
		t.Run(x.arch+" "+x.stem, func(t *testing.T) {
			c, err := net.NewConfig(x.arch, map[string]any{"stem": x.stem, "width": x.width}, "", x.channels)
			if err != nil {
				t.Fatal(err)
			}
			w := torchFile(t, c, 3)
			got, err := w.Recognize(x.given)
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != x.arch || got.Channels != x.channels || fmt.Sprint(got.Arch) != fmt.Sprint(c.Arch) {
				t.Errorf("recognized %+v %+v, want %+v %+v", got, got.Arch, c, c.Arch)
			}
			if _, err := w.Recognize(nil); x.given != nil && (err == nil || !strings.Contains(err.Error(), "give --stem")) {
				t.Errorf("a stem of 3×3 without --stem: %v, want a question", err)
			}
			st := kernels.NewStore(nil)
			if _, err := got.New(st, 8); err != nil {
				t.Fatal(err)
			}
			taken, err := w.Restore(st)
			if err != nil {
				t.Fatal(err)
			}
			if want := len(w.Tensors) - 2 - counters(w); taken.Tensors != want || len(taken.Left) != 2+counters(w) {
				t.Errorf("%d tensors taken, want %d; left %v", taken.Tensors, want, taken.Left)
			}
			if want := "left out fc.bias, fc.weight, "; !strings.Contains(taken.String(), want) || !strings.Contains(taken.String(), "counters of batches ignored") {
				t.Errorf("the report is %q, want %q in it", taken, want)
			}
			for name, v := range values(t, st) {
				i := slices.IndexFunc(w.Tensors, func(b net.Blob) bool { return net.BackbonePrefix+b.Name == name })
				if i < 0 || !slices.Equal(w.Tensors[i].Data, v.Data) {
					t.Errorf("%s is not the file's", name)
				}
			}
		})
	}
}

func counters(w *net.Weights) (n int) {
	for _, b := range w.Tensors {
		if strings.HasSuffix(b.Name, ".num_batches_tracked") {
			n++
		}
	}
	return n
}

// values returns the backbone's tensors in PyTorch's layouts.
func values(t *testing.T, st *kernels.Store) map[string]net.Blob {
	t.Helper()
	out := map[string]net.Blob{}
	add := func(name string, shape []int, read func() ([]float32, error)) {
		v, err := read()
		if err != nil {
			t.Fatal(err)
		}
		shape, v = net.ToTorch(shape, v)
		out[name] = net.FromFloat32s(name, shape, v)
	}
	for _, p := range st.Params() {
		add(p.Name, p.Shape, p.Read)
	}
	for _, s := range st.States() {
		if strings.HasPrefix(s.Name, net.BackbonePrefix) {
			add(s.Name, s.Shape, s.Read)
		}
	}
	return out
}

// Files that do not fit are refused before a tensor is written, with what differs.
func TestWeightsOfAnotherNetworkAreRefused(t *testing.T) {
	tiny := resnet(t, "resnet10", "imagenet", 3, "")
	for name, x := range map[string]struct {
		network net.Config
		change  func(*net.Weights)
		want    []string
	}{
		"wider":   {resnet(t, "resnet10", "imagenet", 4, ""), nil, []string{"it holds bn1.bias [3], want [4]", "more"}},
		"deeper":  {resnet(t, "resnet18", "imagenet", 3, ""), nil, []string{"it lacks layer1.1.bn1.bias"}},
		"a stem":  {resnet(t, "resnet10", "cifar", 3, ""), nil, []string{"conv1.weight [3 3 7 7], want [3 3 3 3]"}},
		"integer": {tiny, func(w *net.Weights) { w.Tensors[1].DType = "I32" }, []string{"of type I32, want F32"}},
		"a statistic is missing": {tiny, func(w *net.Weights) {
			w.Tensors = slices.DeleteFunc(w.Tensors, func(b net.Blob) bool { return b.Name == "bn1.running_mean" })
		}, []string{"it lacks bn1.running_mean: "}},
	} {
		t.Run(name, func(t *testing.T) {
			w := torchFile(t, tiny, 3)
			if x.change != nil {
				x.change(w)
			}
			st := kernels.NewStore(nil)
			if _, err := x.network.New(st, 8); err != nil {
				t.Fatal(err)
			}
			before := values(t, st)
			_, err := w.Restore(st)
			for _, want := range append(x.want, "net: r.safetensors does not fit the network: ") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q in it", err, want)
				}
			}
			if !maps.EqualFunc(before, values(t, st), func(a, b net.Blob) bool { return slices.Equal(a.Data, b.Data) }) {
				t.Error("the refused file was written in part")
			}
		})
	}
}

func TestFilesWithoutAKnownNetworkAreRefused(t *testing.T) {
	for name, w := range map[string]*net.Weights{
		"folded names":     {Path: "f", Tensors: []net.Blob{net.FromFloat32s("onnx::Conv_193", []int{1}, []float32{1})}},
		"nothing":          {Path: "f"},
		"one block more":   {Path: "f", Tensors: append(torchFile(t, resnet(t, "resnet10", "imagenet", 2, ""), 1).Tensors, net.FromFloat32s("layer1.1.conv1.weight", []int{1, 1, 1, 1}, []float32{0}))},
		"unknown arch":     {Path: "f", Metadata: map[string]string{"marr.arch": "vgg", "marr.channels": "3"}},
		"unknown channels": {Path: "f", Metadata: map[string]string{"marr.arch": "resnet18"}},
	} {
		if c, err := w.Recognize(nil); err == nil || !strings.Contains(err.Error(), "net: f: ") {
			t.Errorf("%s: %v, %v, want an error", name, c.Name, err)
		}
	}
}

func TestPreparationIsTheFilesOrTorchvisions(t *testing.T) {
	ours := map[string]string{"marr.arch": "resnet10", "marr.mean": "[0.25]", "marr.std": "[0.5]", "marr.size": "48"}
	for name, x := range map[string]struct {
		w    net.Weights
		want net.Preparation
	}{
		"exported":    {net.Weights{Metadata: ours, Size: 40}, net.Preparation{Mean: []float64{0.25}, Std: []float64{0.5}, Size: 48}},
		"torchvision": {net.Weights{}, net.Preparation{Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}, Size: 224}},
		"a graph":     {net.Weights{Size: 299}, net.Preparation{Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}, Size: 299}},
	} {
		if got, err := x.w.Preparation(); err != nil || fmt.Sprint(got) != fmt.Sprint(x.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, x.want)
		}
	}
	for _, key := range []string{"mean", "std", "size"} {
		broken := maps.Clone(ours)
		broken["marr."+key] = "none"
		if _, err := (&net.Weights{Metadata: broken}).Preparation(); err == nil || !strings.Contains(err.Error(), "marr."+key) {
			t.Errorf("%s: %v, want an error that names the key", key, err)
		}
	}
}
