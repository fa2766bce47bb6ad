package net

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func names(t *testing.T, folder string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func TestWriteFileAtomicReplacesTheFileAndLeavesNoOther(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "checkpoint.ckpt")
	if err := os.WriteFile(path+".tmp", []byte("what a killed run left, longer than the new text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first, long", "second"} {
		if err := WriteFileAtomic(path, text(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
	}
	if all := names(t, folder); len(all) != 1 {
		t.Fatalf("the folder holds %v", all)
	}
}

func TestWriteFileAtomicKeepsTheOldFileWhenWritingFails(t *testing.T) {
	folder := t.TempDir()
	path, broken := filepath.Join(folder, "a"), errors.New("broken")
	if err := WriteFileAtomic(path, text("old")); err != nil {
		t.Fatal(err)
	}
	fails := func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 3<<20)); err != nil { // past any buffer, onto the disk
			return err
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
			t.Errorf("in the middle of a write the path holds %q %v", got, err)
		}
		return broken
	}
	if err := WriteFileAtomic(path, fails); !errors.Is(err, broken) {
		t.Fatalf("error %v, want that of the callback", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = WriteFileAtomic(path, func(io.Writer) error { panic("in the callback") })
	}()
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Fatalf("after the failure the path holds %q %v", got, err)
	}
	if all := names(t, folder); len(all) != 1 {
		t.Fatalf("the folder holds %v", all)
	}
}

func TestWriteFileAtomicNamesThePathInErrors(t *testing.T) {
	folder := t.TempDir()
	if err := WriteFileAtomic(filepath.Join(folder, "absent", "a"), text("")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent folder: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "dir", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(filepath.Join(folder, "dir"), text("")); err == nil {
		t.Error("a folder was overwritten")
	}
	if all := names(t, folder); len(all) != 1 {
		t.Fatalf("the folder holds %v", all)
	}
}
