package net

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadFileRefusesWhatIsNotARegularFileOrIsTooLong(t *testing.T) {
	dir := t.TempDir()
	pipe, text := filepath.Join(dir, "pipe"), filepath.Join(dir, "text")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("x"), 5000)
	if err := os.WriteFile(text, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, "/dev/zero"} {
		if _, err := ReadFile(path, 100); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want an error that names it", path, err)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := ReadFile(text, 4999); err == nil || !strings.Contains(err.Error(), "5000 bytes: more than 4999") {
		t.Errorf("a file above the limit: %v", err)
	}
	if b, err := ReadFile(text, 5000); err != nil || !bytes.Equal(b, content) {
		t.Errorf("a file at the limit: %d bytes, %v", len(b), err)
	}
	if b, err := ReadFile("/proc/self/status", 1<<20); err != nil || len(b) == 0 { // its size is given as 0
		t.Errorf("a file without a size: %d bytes, %v", len(b), err)
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
