package kernels_test

import (
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

func TestOpsMatchTheReferences(t *testing.T) { kerneltest.RunOps(t, bench, cases.All()) }

func TestOpsMatchPyTorch(t *testing.T) {
	failures, err := bench.CheckGolden(cases.All(), cases.Golden...)
	kerneltest.Pass(t, failures, err)
}

// A reference that is 1 % too large, and one of another shape: every setup reports the first, and none can run the second.
func TestHarnessReportsWhatFails(t *testing.T) {
	op := cases.Named("softmax")
	op.Cases = op.Cases[:1]
	op.Cases[0].Split = false
	right := op.Ref
	for name, c := range map[string]struct {
		ref   func(in optest.Values) *ref.Tensor
		check string
	}{
		"values": {func(in optest.Values) *ref.Tensor {
			y := right(in)
			for i := range y.Data {
				y.Data[i] *= 1.01
			}
			return y
		}, "forward"},
		"shape": {func(in optest.Values) *ref.Tensor { return ref.New(7, 7) }, "program"},
	} {
		op.Ref = c.ref
		report, err := bench.Check(t.Context(), op.All()...)
		if err != nil {
			t.Fatal(err)
		}
		setups := map[string]bool{}
		for _, f := range report.Failures {
			if f.Check == c.check {
				setups[f.Setup] = true
			}
		}
		words := kernels.ForcedVariants(device, nil)
		if want := map[string]int{"forward": 1 + len(words), "program": 4 + len(words)}[c.check]; len(setups) != want {
			t.Errorf("%s: %d setups failed, want %d: %v", name, len(setups), want, report.Failures)
		}
		if c.check == "forward" && (report.Forward < 0.009 || report.Forward > 0.011 || report.Failures[0].Error != report.Forward) {
			t.Errorf("%s: error %v, first failure %v", name, report.Forward, report.Failures[0])
		}
	}
}

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
	kerneltest.RunCases(t, bench, matmul.All()...)
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
	kerneltest.RunOps(t, bench, ops)
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
