package net

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFileRefusesFoldersAndLongFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	content := bytes.Repeat([]byte("x"), 5000)
	if err := os.WriteFile(text, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(dir, 100); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v, want an error that names it", err)
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
}
