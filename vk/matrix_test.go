package vk

import "testing"

func TestMatrixShapesReadWhatTheyWrite(t *testing.T) {
	want := MatrixShape{16, 8, 32}
	text, err := want.MarshalText()
	var got MatrixShape
	if err != nil || string(text) != "16x8x32" || got.UnmarshalText(text) != nil || got != want {
		t.Errorf("%s, error %v, read as %v", text, err, got)
	}
	wantError(t, got.UnmarshalText([]byte("16x8")), "16x8", "16x16x16")
}

// The saxpy kernel of groups of 64 computes the same in subgroups of the smallest size, which the driver may not have chosen itself.
func TestPipelineRequiresTheSubgroupSize(t *testing.T) {
	least := dev.Info().Caps.LeastSubgroup
	k := saxpy(64, 2)
	if k.Subgroup = 1; least != 1 {
		_, err := dev.Pipeline(k)
		wantError(t, err, "saxpy", "subgroups of 1")
	}
	if least == 0 || 64%least != 0 {
		t.Skipf("%q requires no subgroup size", dev.Info().Name)
	}
	k.Subgroup = least
	if required := must[*Pipeline](t)(dev.Pipeline(k)); required == must[*Pipeline](t)(dev.Pipeline(saxpy(64, 2))) {
		t.Error("a required subgroup size and the driver's choice give one pipeline")
	}
}
