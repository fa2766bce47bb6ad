package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"marr/kernels"
	"marr/vk"
)

func TestGPUsGetTheKernelsThatFitTheirRegisters(t *testing.T) {
	limits := vk.Limits{WorkGroupInvocations: 1024, WorkGroupSize: [3]uint32{1024, 1024, 64}, SharedMemory: 32 << 10}
	for _, c := range []struct {
		name   string
		vendor uint32
		kind   vk.DeviceType
		family string
		tiles  string
	}{
		{"AMD", 0x1002, vk.Discrete, "tiled", "128x128 128x64 64x64 64x32 32x32"},
		{"NVIDIA", 0x10de, vk.Discrete, "tiled", "128x128 128x64 64x64 64x32 32x32"},
		{"Intel", 0x8086, vk.Integrated, "tiled", "64x64 32x32"},
		{"Arm", 0x13b5, vk.Integrated, "small", ""},
		{"Broadcom", 0x14e4, vk.Integrated, "small", ""},
		{"unknown", 0xabcd, vk.Discrete, "tiled", "64x64 32x32"},
		{"Mesa on a CPU", 0x10005, vk.CPU, "lean", "128x128 128x64 64x64 64x32 32x32"},
	} {
		d := vk.Info{VendorID: c.vendor, Type: c.kind, Limits: limits}
		if got := strings.Join(kernels.TilesOf(d), " "); got != c.tiles || kernels.FamilyOf(d) != c.family {
			t.Errorf("%s: family %s, tiles %q, want %s, %q", c.name, kernels.FamilyOf(d), got, c.family, c.tiles)
		}
	}
	for kernel, fits := range map[string][]uint32{"small.gather": {0x1002, 0x8086, 0x14e4}, "conv.k1": {0x1002}, "conv.k4": nil, "tiled.stats_64x64": {0x1002, 0x8086}, "bn_apply": {0x1002, 0x8086, 0x14e4}} {
		for _, vendor := range []uint32{0x1002, 0x8086, 0x14e4} {
			if got := kernels.Fits(vk.Info{VendorID: vendor}, kernel); got != slices.Contains(fits, vendor) {
				t.Errorf("%s on %#x: %v", kernel, vendor, got)
			}
		}
	}
}
