package views

import "testing"

// Three of ten frames: each of the steps 1 to 4 in a quarter of the samples, first frames uniform. n = 8000; five standard errors of 2000: 194.
func TestSampledFramesAreEquallySpaced(t *testing.T) {
	steps, firsts := map[int]int{}, map[int]int{}
	for sample := range uint32(8000) {
		first, step := Draw{Seed: 3, Sample: sample, View: sample % 3}.SampleFrames(3, 10)
		if first < 0 || step < 1 || first+2*step > 9 {
			t.Fatalf("sample %d: from frame %d on in steps of %d", sample, first, step)
		}
		steps[step]++
		if step == 4 {
			firsts[first]++
		}
	}
	for step := 1; step <= 4; step++ {
		if n := steps[step]; n < 2000-194 || n > 2000+194 {
			t.Errorf("step %d in %d samples, want about 2000", step, n)
		}
	}
	if a, b := firsts[0], firsts[1]; len(firsts) != 2 || a-b > 5*45 || b-a > 5*45 {
		t.Errorf("steps of 4 begin at %v, want 0 and 1 as often", firsts)
	}
	a, s := Draw{Seed: 3, Sample: 5, View: 0}.SampleFrames(3, 10)
	if b, r := (Draw{Seed: 3, Sample: 5, View: 2}).SampleFrames(3, 10); a != b || s != r {
		t.Error("two views of a sample drew other frames")
	}
	if first, step := (Draw{}).SampleFrames(1, 7); first < 0 || first > 6 || step != 0 {
		t.Errorf("one frame: %d in steps of %d", first, step)
	}
}
