//go:build unix

package net

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadFileRefusesPipesAndDevices(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if _, err := ReadFile(path, 100); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want an error that names it", path, err)
		}
	}
	const status = "/proc/self/status" // of Linux; its size is given as 0
	if _, err := os.Stat(status); err == nil {
		if b, err := ReadFile(status, 1<<20); err != nil || len(b) == 0 {
			t.Errorf("a file without a size: %d bytes, %v", len(b), err)
		}
	}
}

func TestCheckpointThatIsAPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadNewest(path); !errors.Is(err, ErrNotRegular) {
		t.Errorf("%v, want that it is not a regular file", err)
	}
}
