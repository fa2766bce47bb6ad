package export

import (
	"fmt"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// smallViT returns the shape of a small vision transformer for color images.
func smallViT(t *testing.T, settings map[string]any) net.Config {
	t.Helper()
	all := map[string]any{"patch": 4, "embed-dim": 32, "depth": 2, "heads": 2}
	for k, v := range settings {
		all[k] = v
	}
	c, err := net.NewConfig("vit-tiny", all, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Features are of order 1, as the outputs of a layer norm, and float32 rounding of 6e-8 in each of a dozen layers grows to 2e-6.
func TestRuntimesAgreeWithTheDeviceOnTracedViTs(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for _, c := range []struct {
		settings map[string]any
		h, w     int
	}{
		{map[string]any{"grid": 4}, 16, 16},
		{map[string]any{"grid": 4, "pool": "mean"}, 13, 24}, // interpolated positions, an unused row of pixels
		{map[string]any{"grid": 2, "patch": 8, "heads": 8, "depth": 1}, 16, 16},
	} {
		t.Run(fmt.Sprint(c.settings), func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			b, err := smallViT(t, c.settings).New(st, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range st.Params() {
				v, err := p.Read()
				if err != nil {
					t.Fatal(err)
				}
				rng.New(3, uint32(i)).Uniform(v, -0.3, 0.3)
				if err := p.Write(v); err != nil {
					t.Fatal(err)
				}
			}
			dims := []int{3, 3, c.h, c.w}
			x := make([]float32, 3*3*c.h*c.w)
			rng.New(4).Uniform(x, -2, 2)
			model, err := Trace(Backbone{Store: st, Module: b, Height: c.h, Width: c.w, Channels: 3})
			if err != nil {
				t.Fatal(err)
			}
			file := mustMarshal(t, model)
			checkNames(t, st, file)
			want := features(t, dev, st, b, x, dims)
			if slices.Equal(want[:32], want[32:64]) {
				t.Error("two images have the same features")
			}
			for _, r := range runtimes(t) {
				a, err := Compare(file, x, dims, want, r)
				if err != nil {
					t.Fatal(err)
				}
				if a.MaxAbsDiff > 2e-6 || a.CosineMin < 1-1e-7 {
					t.Errorf("%+v: want within 2e-6; features begin with %v", a, want[:4])
				}
			}
		})
	}
}
