package export

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// One file for any size, written for 40×36 pixels, gives the features of devices that were built for each of two other sizes.
func TestAnySizeFilesAcceptOtherSizes(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	type file struct {
		config net.Config
		opset  int
	}
	files := []file{{convNeXt(t), 17}, {convNeXt(t), 13}}
	for _, norm := range net.Norms {
		files = append(files, file{resnet(t, "resnet10", "imagenet", 4, 3, norm), 17})
	}
	for _, c := range files {
		t.Run(c.config.Name+" "+c.config.Norm, func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			m := randomNet(t, st, c.config)
			file := write(t, Backbone{Store: st, Module: m, Height: 40, Width: 36, Channels: 3, AnySize: true, Opset: c.opset})
			for _, size := range [][2]int{{51, 34}, {32, 64}} {
				dims := []int{2, 3, size[0], size[1]}
				x := make([]float32, 2*3*size[0]*size[1])
				rng.New(4).Uniform(x, -2, 2)
				want := features(t, dev, st, m, x, dims)
				for _, r := range runtimes(t) {
					if a, err := Compare(file, x, dims, want, r); err != nil || a.MaxAbsDiff > 1e-5 {
						t.Errorf("%v: %+v, %v", size, a, err)
					}
				}
			}
		})
	}
}

// The position embeddings of a vision transformer are constants in its graph, one for each patch.
func TestVisionTransformersHaveAFixedSize(t *testing.T) {
	for _, grid := range []int{4, 5} { // with their own positions, and interpolated ones
		st := kernels.NewStore(nil)
		m, err := smallViT(t, map[string]any{"grid": grid}).New(st, 1)
		if err != nil {
			t.Fatal(err)
		}
		err = onnx{}.Write(filepath.Join(t.TempDir(), "any.onnx"), Backbone{Store: st, Module: m, Height: 16, Width: 16, Channels: 3, AnySize: true})
		if !errors.Is(err, ErrFixedSize) {
			t.Errorf("grid %d: %v, want ErrFixedSize", grid, err)
		}
	}
}
