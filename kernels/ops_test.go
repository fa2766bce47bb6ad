package kernels_test

import (
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/optest/cases"
	"marr/vk"
	"marr/vk/vktest"
)

func TestOpsMatchTheReferences(t *testing.T) { bench.RunOps(t, cases.All()) }

func TestOpsMatchPyTorch(t *testing.T) { bench.RunGolden(t, cases.All(), cases.Golden...) }

// Large products with a transposed first factor transpose it in memory.
func TestLargeTransposedProductsMatchTheReference(t *testing.T) {
	defer kernels.MinUncutResults(kernels.MinUncutResults(17 * 5))
	matmul := cases.Named("matmul")
	matmul.Cases = nil
	for _, c := range cases.MatMul(17, 33, 5) {
		if c.Attrs.On("trans_a") {
			matmul.Cases = append(matmul.Cases, c)
		}
	}
	bench.Run(t, matmul.All()...)
}

// The slabs have 64, 48 and 16 rows: the last one of a case is short, full, and short.
func TestNTXentInSlabsMatchesTheReference(t *testing.T) {
	defer kernels.SlabElements(kernels.SlabElements(48 * 96))
	var ops []optest.Op
	for _, name := range []string{"ntxent", "decoupled_ntxent"} {
		op := cases.Named(name)
		op.Cases = []optest.Case{cases.NTXent("", 0.2, 66, 4), cases.NTXent("", 0.2, 96, 6), cases.NTXent("", 0.2, 262, 2)}
		ops = append(ops, op)
	}
	bench.RunOps(t, ops)
}

// TestNTXentMemoryDoesNotGrowWithTheSquareOfTheBatch: 4096 similarities of 4096 rows are 64 MiB, and their gradient as many.
func TestNTXentMemoryDoesNotGrowWithTheSquareOfTheBatch(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager, s.Poison = false, false }) // neither reuses memory
	st := kernels.NewStore(device)
	defer st.Free()
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		z := g.Input("z", kernels.F32, 4096, 128).Track()
		g.Backward(kernels.NTXent(z, 0.2))
		g.Output("dz", z.Grad())
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	if most := int64(20 << 20); prog.Planned() > most { // z, zᵀ and dz of 2 MiB each, two slabs of 4 MiB
		t.Errorf("%d bytes planned, want at most %d", prog.Planned(), most)
	}
}
