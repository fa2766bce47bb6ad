package export

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

func TestFormatOfListsTheKnownSuffixes(t *testing.T) {
	for path, want := range map[string]string{"a/b.onnx": "ONNX", "c.v2.safetensors": "safetensors"} {
		if f, err := FormatOf(path); err != nil || f.Name() != want {
			t.Errorf("%s: %v, %v: want %s", path, f, err, want)
		}
	}
	for _, path := range []string{"backbone.pth", "onnx", ""} {
		if f, err := FormatOf(path); err == nil || !strings.Contains(err.Error(), "use .onnx or .safetensors") {
			t.Errorf("%q: %v, %v: want an error that lists the suffixes", path, f, err)
		}
	}
}

// smallBackbone returns a backbone on a device, and samples of it if it is asked for some.
func smallBackbone(t *testing.T, images int) (Backbone, Samples) {
	t.Helper()
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	st := kernels.NewStore(dev)
	t.Cleanup(st.Free)
	m := randomNet(t, st, resnet(t, "resnet10", "cifar", 4, 3, ""))
	b := Backbone{Store: st, Module: m, Height: 10, Width: 8, Channels: 3, Metadata: map[string]string{"marr.arch": "resnet10"}}
	s := Samples{Images: make([]float32, images*3*10*8)}
	rng.New(4).Uniform(s.Images, -2, 2)
	if images > 0 {
		s.Features = features(t, dev, st, m, s.Images, []int{images, 3, 10, 8})
	}
	return b, s
}

// changeOneWeight adds 1 to the first weight of the stem.
func changeOneWeight(t *testing.T, b Backbone) {
	t.Helper()
	p := b.Store.Params()[0]
	v, err := p.Read()
	if err != nil {
		t.Fatal(err)
	}
	v[0]++
	if err := p.Write(v); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyAcceptsTheWrittenFileAndRejectsOtherWeights(t *testing.T) {
	for _, f := range formats {
		t.Run(f.format.Name(), func(t *testing.T) {
			b, s := smallBackbone(t, 3)
			path := filepath.Join(t.TempDir(), "backbone"+f.suffix)
			if err := f.format.Write(path, b); err != nil {
				t.Fatal(err)
			}
			v, err := f.format.Verify(path, b, s)
			if err != nil {
				t.Fatal(err)
			}
			if v.Tensors == 0 && len(v.Agreements) == 0 {
				t.Errorf("%+v: nothing was compared", v)
			}
			for _, a := range v.Agreements {
				if a.Images != 3 || a.MaxAbsDiff > 1e-5 {
					t.Errorf("%+v: want 3 images within 1e-5", a)
				}
			}
			changeOneWeight(t, b)
			if err := f.format.Write(path, b); err != nil {
				t.Fatal(err)
			}
			if !f.format.NeedsSamples() { // Verify compares with the store, which has to differ from the file
				changeOneWeight(t, b)
			}
			if v, err := f.format.Verify(path, b, s); err == nil {
				t.Errorf("%+v: a changed weight was accepted", v)
			}
		})
	}
}

// TestSafetensorsHoldTheStoresTensors reads the file with the codec of package net.
func TestSafetensorsHoldTheStoresTensors(t *testing.T) {
	b, _ := smallBackbone(t, 0)
	path := filepath.Join(t.TempDir(), "backbone.safetensors")
	if err := (safetensors{}).Write(path, b); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blobs, metadata, err := net.DecodeSafetensors(raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"format": "pt", "marr.arch": "resnet10"}; !maps.Equal(metadata, want) {
		t.Errorf("metadata %v, want %v", metadata, want)
	}
	if len(b.Metadata) != 1 {
		t.Errorf("Write changed the metadata of the backbone: %v", b.Metadata)
	}
	shapes := map[string][]int{}
	for _, blob := range blobs {
		shapes[blob.Name] = blob.Shape
		if strings.HasPrefix(blob.Name, "marr.") {
			t.Errorf("%s is no part of the network", blob.Name)
		}
	}
	if w := shapes["conv1.weight"]; len(w) != 4 || w[0] != 4 || w[1] != 3 || w[2] != 3 || w[3] != 3 {
		t.Errorf("conv1.weight is %v, want PyTorch's [4 3 3 3]", w)
	}
	if _, ok := shapes["bn1.running_var"]; !ok || len(blobs) != 60 {
		t.Errorf("%d tensors, bn1.running_var %v: want the 60 of a ResNet-10", len(blobs), shapes["bn1.running_var"])
	}
}
