package export

import (
	"path/filepath"
	"strings"
	"testing"

	"marr/kernels"
	"marr/kernels/rng"
	"marr/net"
	"marr/vk"
)

// A file for any size, written for 40×36 pixels, gives the device's features of 51×34 pixels. Norms whose graph depends on the size are refused.
func TestAnySizeFilesAcceptOtherSizes(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, norm := range net.Norms {
		st := kernels.NewStore(dev)
		defer st.Free()
		m := randomNet(t, st, resnet(t, "resnet10", "imagenet", 4, 3, norm))
		path := filepath.Join(t.TempDir(), "any.onnx")
		err := onnx{}.Write(path, Backbone{Store: st, Module: m, Height: 40, Width: 36, Channels: 3, AnySize: true})
		if norm == "group" || norm == "layer" {
			if err == nil || !strings.Contains(err.Error(), "depends on the size of the images") {
				t.Errorf("%s: %v, want a refusal", norm, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(norm, err)
		}
		file, err := net.ReadFile(path, MaxModel)
		if err != nil {
			t.Fatal(err)
		}
		x, dims := make([]float32, 2*3*51*34), []int{2, 3, 51, 34}
		rng.New(4).Uniform(x, -2, 2)
		want := features(t, dev, st, m, x, dims)
		for _, r := range runtimes(t) {
			if a, err := Compare(file, x, dims, want, r); err != nil || a.MaxAbsDiff > 1e-5 {
				t.Errorf("%s: %+v, %v", norm, a, err)
			}
		}
	}
}
