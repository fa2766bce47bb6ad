package main

import (
	"slices"
	"strings"
	"testing"

	"marr/bench"
	"marr/bench/check"
	"marr/kernels/optest"
)

func TestReadTakesNameRootAndEnvironment(t *testing.T) {
	all, err := read(strings.NewReader("one, 128 bits\t/\tA=1 B=2\nother\t/sid\t\n"))
	if err != nil || len(all) != 2 || all[0].name != "one, 128 bits" || !slices.Equal(all[0].env, []string{"A=1", "B=2"}) || all[1].root != "/sid" || len(all[1].env) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	for _, bad := range []string{"", "name only\n", "a\tb\tc\td\n"} {
		if _, err := read(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestPathsInsideAChroot(t *testing.T) {
	for root, want := range map[string]string{"/": "/sid/tmp/x", "/sid": "/tmp/x", "/sid/": "/tmp/x"} {
		if got := (implementation{root: root}).inside("/sid/tmp/x"); got != want {
			t.Errorf("root %s: %s, want %s", root, got, want)
		}
	}
}

func TestOutcomesAreThoseOfGoldenTrainings(t *testing.T) {
	passed, failed := outcomes("=== RUN x\n--- FAIL: TestTenStepsMatchPyTorch (1.0s)\n    --- PASS: TestTenStepsMatchPyTorch/byol_12 (0.81s)\n" +
		"    --- FAIL: TestTenMixedStepsAreCloserThanAutocast/mae_0 (0.1s)\n        --- PASS: TestOther/x (0s)\n")
	if !slices.Equal(passed, []string{"byol_12"}) || !slices.Equal(failed, []string{"mae_0"}) {
		t.Errorf("passed %v, failed %v", passed, failed)
	}
}

func TestTableListsWhatFailed(t *testing.T) {
	good := row{name: "good", steps: []string{"a", "b"}, report: check.Report{NumOps: 2, Twice: &bench.Twice{},
		Ops: []check.Op{{Name: "relu", Forward: 1e-7}, {Name: "conv of halves", OnHalves: true, Backward: 2e-3}}}}
	bad := row{name: "bad", steps: []string{"a"}, failed: []string{"b"}, report: check.Report{NumOps: 1, Ops: []check.Op{{Name: "relu", Failures: []optest.Failure{{Case: "x", Check: "forward"}}}}}}
	text := table([]row{good, bad})
	for _, want := range []string{"| good | ", "| 2 of 2 | 1.0e-07, 2.0e-03 | the same bits | 2 of 2 |", "| bad | ", "| 0 of 1 | ", "| not reached | 1 of 2 |", "## Failures on bad", "- relu: ", "- ten steps of b"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Failures on good") || !good.passed() || bad.passed() {
		t.Errorf("good passed: %v, bad: %v:\n%s", good.passed(), bad.passed(), text)
	}
}
