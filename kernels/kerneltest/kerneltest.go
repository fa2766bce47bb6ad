// Package kerneltest helps tests to run programs and package optest's checks.
package kerneltest

import (
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/vk"
)

// NeedMixed skips a test of halves on a device that refuses them (kernels.CheckMixed).
func NeedMixed(t testing.TB, dev *vk.Device) {
	t.Helper()
	if err := kernels.CheckMixed(dev.Info()); err != nil {
		t.Skip(err)
	}
}

// Begin returns the next run of a segment. A failure ends the test.
func Begin(t testing.TB, s *kernels.Segment) *kernels.Run {
	t.Helper()
	r, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Finish submits a run and waits for it. A failure ends the test.
func Finish(t testing.TB, r *kernels.Run) {
	t.Helper()
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
}

// Pass fails the test for each failure. An error ends it.
func Pass(t testing.TB, failures []optest.Failure, err error) {
	t.Helper()
	for _, f := range failures {
		t.Error(f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// RunOps runs the harness on every case of the ops, each op as a subtest.
func RunOps(t *testing.T, b optest.Bench, ops []optest.Op) {
	for _, o := range ops {
		if len(o.Cases) > 0 {
			t.Run(o.Name, func(t *testing.T) { RunCases(t, b, o.All()...) })
		}
	}
}

// RunCases runs the harness on cases.
func RunCases(t *testing.T, b optest.Bench, cases ...optest.Case) {
	t.Helper()
	report, err := b.Check(t.Context(), cases...)
	Pass(t, report.Failures, err)
}
