package kernels_test

import (
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
	"github.com/marr-ssl/marr/vk"
)

func TestOpsOnHalvesMatchTheReferences(t *testing.T) {
	kerneltest.NeedMixed(t, device)
	ops := cases.Halves()
	if testing.Short() {
		ops = ops[:3]
	}
	kerneltest.RunOps(t, bench, ops)
}

func TestHalvesAreRefusedWhereTheDriverWouldAbort(t *testing.T) {
	for _, c := range []struct {
		arch, driver string
		id           vk.DriverID
		want         bool
	}{
		{"arm64", "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)", vk.DriverLlvmpipe, true},
		{"amd64", "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)", vk.DriverLlvmpipe, false},
		{"arm64", "llvmpipe Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)", vk.DriverLlvmpipe, false},
		{"arm64", "radv Mesa 22.3.6", vk.DriverRADV, false},
	} {
		if got := kernels.AbortsOnHalves(vk.Info{DriverID: c.id, Driver: c.driver}, c.arch); got != c.want {
			t.Errorf("%s on %s: %t, want %t", c.driver, c.arch, got, c.want)
		}
	}
}
