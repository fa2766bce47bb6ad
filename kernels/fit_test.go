package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

func TestGPUsGetTheKernelsThatFitTheirRegisters(t *testing.T) {
	limits := vk.Limits{WorkGroupInvocations: 1024, WorkGroupSize: [3]uint32{1024, 1024, 64}, SharedMemory: 32 << 10}
	for _, c := range []struct {
		name   string
		vendor uint32
		kind   vk.DeviceType
		driver vk.DriverID
		family string
		tiles  string
	}{
		{"AMD", 0x1002, vk.Discrete, 0, "tiled", "128x128 128x64 64x64 64x32 32x32"},
		{"NVIDIA", 0x10de, vk.Discrete, 0, "tiled", "128x128 128x64 64x64 64x32 32x32"},
		{"Intel", 0x8086, vk.Integrated, 0, "tiled", "64x64 32x32"},
		{"Arm", 0x13b5, vk.Integrated, 0, "small", ""},
		{"Broadcom", 0x14e4, vk.Integrated, 0, "small", ""},
		{"unknown", 0xabcd, vk.Discrete, 0, "tiled", "64x64 32x32"},
		{"Mesa on a CPU", 0x10005, vk.CPU, vk.DriverLlvmpipe, "lean", "128x128 128x64 64x64 64x32 32x32"},
		{"SwiftShader", 0x1ae0, vk.CPU, vk.DriverSwiftShader, "small", "128x128 128x64 64x64 64x32 32x32"},
	} {
		d := vk.Info{VendorID: c.vendor, Type: c.kind, DriverID: c.driver, Limits: limits}
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

// SwiftShader gets no kernel that its compiler cannot take, and no texel buffers, which it limits to 1 MiB. Lavapipe gets both.
func TestCPUDevicesGetTheKernelsThatTheirCompilersTake(t *testing.T) {
	for driver, c := range map[vk.DriverID]struct {
		reads string
		fits  bool
	}{vk.DriverLlvmpipe: {"texel", true}, vk.DriverSwiftShader: {"plain", false}, 0: {"texel", true}} {
		d := vk.Info{Type: vk.CPU, DriverID: driver}
		for _, kernel := range []string{"conv.k4", "conv3.r8", "wgrad.c1", "wgrad3.u8", "attention_tiled"} {
			if kernels.Fits(d, kernel) != c.fits {
				t.Errorf("driver %d: %s fits: %v", driver, kernel, !c.fits)
			}
		}
		for _, kernel := range []string{"small.gather", "tiled.gather_64x64", "depthwise_weight.p8"} {
			if !kernels.Fits(d, kernel) {
				t.Errorf("driver %d: %s does not fit", driver, kernel)
			}
		}
		if got := kernels.InputAccessOf(d, vk.Settings{}); got != c.reads {
			t.Errorf("driver %d: inputs read %s, want %s", driver, got, c.reads)
		}
	}
}
