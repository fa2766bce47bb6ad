package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// losing is the environment of a command whose device is lost at this submission.
func losing(submission string) []string {
	return []string{"MARR_TEST_LOSE=" + submission, "MARR_EAGER=0"}
}

// The device is lost after the first measurements, whose encoder is on it.
func TestRunThatLosesItsDeviceIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	plain, _ := trained(t, "--eval-every", "0")
	run := filepath.Join(t.TempDir(), "run")
	r := call(t, losing("420"), small(images64(t), run, measureAlways...)...)
	if r.status != 0 {
		t.Fatal(r.err)
	}
	if want := "was lost (VK_ERROR_DEVICE_LOST): it was opened again, and the run continues from step 0"; strings.Count(r.err, want) != 1 {
		t.Errorf("said %q, want one %q", r.err, want)
	}
	if strings.Count(r.out, "simclr on ") != 1 || strings.Count(r.out, "epoch 1: ") < 2 {
		t.Errorf("printed %q, want one heading, and epoch 1 measured again", r.out)
	}
	sameCheckpoint(t, plain, run)
	all := measurements(t, run)
	if len(all) != 4 {
		t.Fatalf("%d measurements, want 4", len(all))
	}
	for i, m := range all {
		if m.Epoch != i+1 || (m.Kept == nil) != (i == 0) {
			t.Errorf("measurement %d: %+v", i, m)
		}
	}
}

func TestPlanIsMadeInSpiteOfALoss(t *testing.T) {
	t.Parallel()
	r := call(t, losing("20"), small(images64(t), filepath.Join(t.TempDir(), "run"), "--dry-run")...)
	if want := "was lost (VK_ERROR_DEVICE_LOST) while a step was measured: it was opened again\n"; r.status != 0 || strings.Count(r.err, want) != 1 {
		t.Errorf("status %d, said %q, want one %q", r.status, r.err, want)
	}
}

func TestLostDeviceIsNamed(t *testing.T) {
	t.Parallel()
	run, _ := trained(t, "--eval-every", "0")
	set := images64(t)
	r := call(t, losing("20"), "eval", "knn", "--run", run, "--train", set, "--test", set)
	if want := "VK_ERROR_DEVICE_LOST: the driver has reset the device, or lost it: update the driver if this happens again\n"; r.status != 1 || !strings.HasSuffix(r.err, want) {
		t.Errorf("status %d, said %q, want %q", r.status, r.err, want)
	}
}
