package run

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// A run that was started with other kernels than the device chooses now keeps them, and ends with the bytes of a run that never stopped.
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
		t.Error("the checkpoint differs from that of a run without a stop")
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "lean" })
	if err := pretrain(t, dir, runConfig(), true, 0); err == nil {
		t.Error("a run was resumed without its kernels")
	}
}
