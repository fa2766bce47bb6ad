package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

func TestPackedTilesAreForDevicesWithoutMatrixUnits(t *testing.T) {
	for _, c := range []struct {
		name        string
		vendor      uint32
		dot         bool
		invocations uint32
		shapes      []vk.MatrixShape
		want        []string
	}{
		{"RDNA 2", 0x1002, true, 1024, nil, []string{"128x128", "64x64"}},
		{"RDNA 1, or an older driver", 0x1002, false, 1024, nil, nil},
		{"RDNA 3", 0x1002, true, 1024, []vk.MatrixShape{{M: 16, N: 16, K: 16}}, nil},
		{"small groups", 0x1002, true, 128, nil, []string{"64x64"}},
		{"few registers", 0x8086, true, 1024, nil, []string{"64x64"}},
	} {
		d := vk.Info{VendorID: c.vendor, DriverID: vk.DriverRADV, Limits: vk.Limits{WorkGroupInvocations: c.invocations, WorkGroupSize: [3]uint32{1024, 1024, 64}, SharedMemory: 32 << 10},
			Caps: vk.Caps{LeastSubgroup: 32, MixedDot: c.dot, Matrices: c.shapes}}
		if got := kernels.PackedTiles(d); !slices.Equal(got, c.want) {
			t.Errorf("%s: tiles %v, want %v", c.name, got, c.want)
		}
	}
}

// Devices without the instruction run the kernels with multiply-adds of floats.
func TestPackedKernelsMatchTheReferences(t *testing.T) {
	kerneltest.NeedMixed(t, device)
	if !device.Info().Caps.MixedDot {
		vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "" })
		if got, _ := offered(t, "packed.", true); len(got) > 0 {
			t.Errorf("offered %v without the instruction", got)
		}
	}
	for _, b := range []*vk.Device{bench.Device, bench.Narrow} {
		vktest.Configure(t, b, func(s *vk.Settings) { s.Kernels = "packed" })
	}
	if got, tiled := offered(t, "packed.", true); len(got) != 1 || tiled { // a program uses the other tile
		t.Errorf("MARR_KERNELS=packed: offered %v and tiles of floats: %v", got, tiled)
	}
	kerneltest.RunOps(t, bench, slices.DeleteFunc(cases.Halves(), func(o optest.Op) bool {
		more := strings.HasPrefix(o.Name, "batchnorm_of_conv2d") || strings.HasPrefix(o.Name, "matmul")
		return !strings.HasPrefix(o.Name, "conv2d") && (testing.Short() || !more)
	}))
}
