package ssl

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestTeacherFeaturesAreChecked(t *testing.T) {
	good := []float32{1, 2, 3, 4, 5, 6}
	with := func(i int, v float64) []float32 {
		values := slices.Clone(good)
		values[i] = float32(v)
		return values
	}
	for _, x := range []struct {
		t    TeacherFeatures
		want string
	}{
		{TeacherFeatures{2, good}, ""},
		{TeacherFeatures{6, good}, "have 1 rows of 6 numbers, and there are 3 images"},
		{TeacherFeatures{4, good}, "have 1 rows of 4 numbers"},
		{TeacherFeatures{0, nil}, "have 0 rows of 0 numbers"},
		{TeacherFeatures{2, with(3, math.NaN())}, "have NaN as number 1 of row 1"},
		{TeacherFeatures{2, with(4, math.Inf(-1))}, "have -Inf as number 0 of row 2"},
		{TeacherFeatures{2, []float32{1, 2, 1, 2, 1, 2}}, "are the same for all 3 images"},
	} {
		if err := x.t.Check(3); (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v: %v, want %q", x.t, err, x.want)
		}
	}
	a := TeacherFeatures{2, good}
	for _, b := range []TeacherFeatures{{3, good}, {2, with(5, 7)}, {2, good[:4]}} {
		if a.Fingerprint() == b.Fingerprint() {
			t.Errorf("%v and %v have one fingerprint", a, b)
		}
	}
}
