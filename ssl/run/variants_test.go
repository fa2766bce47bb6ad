package run

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"marr/vk"
	"marr/vk/vktest"
)

// A run that began with other kernels than the device would choose now goes on with them, so that its bytes are those of a run that never stopped.
func TestResumedRunKeepsItsKernels(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "64x32" })
	whole, dir := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "run")
	if err := pretrain(t, whole, runConfig(), false, 0); err != nil {
		t.Fatal(err)
	}
	if err := pretrain(t, dir, runConfig(), false, 2); !errors.Is(err, ErrStopped) {
		t.Fatalf("%v, want ErrStopped", err)
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "64x32,lean" })
	if err := pretrain(t, dir, runConfig(), true, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, dir, CheckpointFile), content(t, whole, CheckpointFile)) {
		t.Error("the run that was stopped ended with other bytes")
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "lean" })
	if err := pretrain(t, dir, runConfig(), true, 0); err == nil {
		t.Error("a run was resumed without the kernels that it was started with")
	}
}
