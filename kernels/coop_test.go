package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

func TestMatrixUnitsAreUsedOfKnownDriversOnly(t *testing.T) {
	m := func(m, n, k int) vk.MatrixShape { return vk.MatrixShape{M: m, N: n, K: k} }
	all := []string{"128x128", "128x64", "64x64", "64x64-256", "64x32"}
	for _, c := range []struct {
		name   string
		vendor uint32
		driver vk.DriverID
		least  uint32 // subgroup size
		shapes []vk.MatrixShape
		want   []string
	}{
		{"RDNA 3", 0x1002, vk.DriverRADV, 32, []vk.MatrixShape{m(16, 16, 16)}, all},
		{"Hopper", 0x10de, vk.DriverNVIDIA, 32, []vk.MatrixShape{m(16, 8, 16), m(16, 8, 8), m(16, 16, 16)}, all},
		{"Turing", 0x10de, vk.DriverNVIDIA, 32, []vk.MatrixShape{m(16, 8, 8)}, all},
		{"Battlemage", 0x8086, vk.DriverANV, 16, []vk.MatrixShape{m(8, 16, 16)}, []string{"64x64-256"}},
		{"Arc A770", 0x8086, vk.DriverANV, 8, []vk.MatrixShape{m(8, 8, 16)}, nil},
		{"RDNA 2", 0x1002, vk.DriverRADV, 32, nil, nil},
		{"another driver", 0x1234, 99, 32, []vk.MatrixShape{m(16, 16, 16)}, nil},
		{"no choice of subgroups", 0x10de, vk.DriverNVIDIA, 0, []vk.MatrixShape{m(16, 16, 16)}, nil},
		{"terms that divide no iteration", 0x10de, vk.DriverNVIDIA, 32, []vk.MatrixShape{m(16, 16, 64)}, nil},
		{"rows that divide no slab", 0x10de, vk.DriverNVIDIA, 32, []vk.MatrixShape{m(12, 16, 16), m(64, 16, 16)}, nil},
		{"lavapipe of 256 bits", 0x10005, vk.DriverLlvmpipe, 8, []vk.MatrixShape{m(8, 8, 8)}, all},
		{"lavapipe of 512 bits", 0x10005, vk.DriverLlvmpipe, 16, []vk.MatrixShape{m(8, 8, 8)}, nil},
	} {
		d := vk.Info{VendorID: c.vendor, DriverID: c.driver, Limits: vk.Limits{WorkGroupInvocations: 256, WorkGroupSize: [3]uint32{256, 256, 64}, SharedMemory: 32 << 10},
			Caps: vk.Caps{LeastSubgroup: c.least, Matrices: c.shapes}}
		if got := kernels.MatrixTiles(d); !slices.Equal(got, c.want) {
			t.Errorf("%s: tiles %v, want %v", c.name, got, c.want)
		}
	}
}

// offered returns the kernels of a family that a product of activations in halves or floats could use, sorted, and whether it has tiles of floats.
func offered(t *testing.T, family string, halves bool) (of []string, tiled bool) {
	t.Helper()
	p, err := kernels.Build(device, store(t), func(g *kernels.Graph) {
		g.MixedPrecision()
		a, b := g.Input("a", kernels.F32, 32, 16), g.Input("b", kernels.F32, 16, 8)
		if halves {
			a = kernels.Half(a)
		}
		kernels.MatMul(a, b, false, false)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	for _, k := range p.Alternatives() {
		if strings.HasPrefix(k, family) {
			of = append(of, k)
		}
		tiled = tiled || strings.HasPrefix(k, "tiled.")
	}
	slices.Sort(of)
	return of, tiled
}

func TestMatrixUnitsMultiplyHalvesOnly(t *testing.T) {
	kerneltest.NeedMixed(t, device)
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "" })
	want := len(kernels.MatrixTiles(device.Info()))
	if got, tiled := offered(t, "coop.", true); len(got) != want || !tiled {
		t.Errorf("halves: offered %v and tiles of floats: %v, want %d kernels and the tiles", got, tiled, want)
	}
	if got, tiled := offered(t, "coop.", false); len(got) != 0 || !tiled {
		t.Errorf("floats: offered %v and tiles of floats: %v, want those tiles alone", got, tiled)
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "coop" })
	if got, tiled := offered(t, "coop.", false); len(got) != 0 || !tiled {
		t.Errorf("floats with MARR_KERNELS=coop: offered %v and tiles of floats: %v, want those tiles alone", got, tiled)
	}
	if want > 0 {
		return
	}
	_, err := kernels.Build(device, store(t), func(g *kernels.Graph) {
		g.MixedPrecision()
		kernels.MatMul(kernels.Half(g.Input("a", kernels.F32, 32, 16)), g.Input("b", kernels.F32, 16, 8), false, false)
	})
	if err == nil || !strings.Contains(err.Error(), `"coop" leaves no kernel`) {
		t.Errorf("MARR_KERNELS=coop on a device without matrix units: error %v", err)
	}
}
