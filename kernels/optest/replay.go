package optest

import (
	"testing"

	"marr/kernels"
)

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
