package kernels_test

import (
	"testing"

	"marr/kernels/kerneltest"
	"marr/kernels/optest/cases"
)

func TestOpsOnHalvesMatchTheReferences(t *testing.T) {
	ops := cases.Halves()
	if testing.Short() {
		ops = ops[:3]
	}
	kerneltest.RunOps(t, bench, ops)
}
