package kernels_test

import (
	"testing"

	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
)

func TestOpsOnHalvesMatchTheReferences(t *testing.T) {
	ops := cases.Halves()
	if testing.Short() {
		ops = ops[:3]
	}
	kerneltest.RunOps(t, bench, ops)
}
