//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/bench/check"
	"github.com/marr-ssl/marr/kernels/optest"
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

func TestTrainingsAreThoseOfGoldenTests(t *testing.T) {
	got := trainings("=== RUN x\n--- FAIL: TestTenStepsMatchPyTorch (1.0s)\n    --- PASS: TestTenStepsMatchPyTorch/byol_12 (0.81s)\n" +
		"=== RUN   TestTenMixedStepsAreCloserThanAutocast/mae_0\n    mixed_test.go:73: losses 0.1\n=== RUN   TestTenOther/x\n    x_test.go:1: no\n" +
		"    --- FAIL: TestTenMixedStepsAreCloserThanAutocast/mae_0 (0.1s)\n        --- PASS: TestOther/x (0s)\n")
	if want := []training{{"byol_12", false, true, ""}, {"mae_0", true, false, "losses 0.1"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTableListsWhatFailed(t *testing.T) {
	good := row{name: "good", trainings: []training{{name: "a", passed: true}, {name: "b", passed: true}, {name: "a", mixed: true, passed: true}}, report: check.Report{NumOps: 2, Twice: &bench.Twice{},
		Ops: []check.Op{{Name: "relu", Forward: 1e-7}, {Name: "conv of halves", OnHalves: true, Backward: 2e-3}}}}
	bad := row{name: "bad", trainings: []training{{name: "a", passed: true}, {name: "b", mixed: true, message: "too far"}}, report: check.Report{NumOps: 1,
		Ops: []check.Op{{Name: "relu", Failures: []optest.Failure{{Case: "x", Check: "forward", Message: "0.1"}, {Case: "y"}, {Case: "x"}, {Case: "x"}}}}}}
	gone := row{name: "gone", trainings: []training{{name: "a", passed: true}}, problems: []string{"`marr devices --check` was killed"}}
	text := table([]row{good, bad, gone})
	for _, want := range []string{"| good | ", "| 2 of 2 | 1.0e-07, 2.0e-03 | the same bits | 2 of 2 | 1 of 1 |", "| bad | ", "| 0 of 1 | ", "| not reached | 1 of 1 | 0 of 1 |",
		"## Failures on bad", "- relu: x: forward: 0.1 (2 more checks of this case failed)\n- relu: y: ", "- ten steps of b in mixed precision: too far\n", "| gone | – | – | – | – | 1 of 1 | 0 of 0 | – |", "## Failures on gone\n\n- `marr devices --check` was killed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Failures on good") || !good.passed() || bad.passed() || gone.passed() {
		t.Errorf("good passed: %v, bad: %v, gone: %v:\n%s", good.passed(), bad.passed(), gone.passed(), text)
	}
}
