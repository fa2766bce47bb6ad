//go:build cgo

package ort

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The order of the tests matters: the library is loaded once per process, so the first tests are those without it.

func TestMissingLibraryIsATypedError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nothing.so")
	t.Setenv(LibEnv, path)
	_, err := Open()
	var missing *NotPresentError
	if !errors.As(err, &missing) || len(missing.Tried) != 1 || missing.Tried[0] != path || !strings.Contains(err.Error(), path) {
		t.Errorf("%v: want NotPresentError that names %s", err, path)
	}
}

func TestInvalidLibraryIsAnotherError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if err := os.WriteFile(path, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibEnv, path)
	_, err := Open()
	var missing *NotPresentError
	if err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v: want an error that names %s and is not a NotPresentError", err, path)
	}
}

func TestLoadedLibraryRefusesBadInput(t *testing.T) {
	rt, err := Open()
	var missing *NotPresentError
	if errors.As(err, &missing) {
		println("ort: the tests that need ONNX Runtime did not run:", err.Error())
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(rt.Version(), ".") || rt.Name() != "onnxruntime" {
		t.Errorf("%s %s", rt.Name(), rt.Version())
	}
	for name, run := range map[string]func() error{
		"no model": func() error { _, _, err := rt.Run(nil, []float32{1}, []int{1}); return err },
		"no input": func() error { _, _, err := rt.Run([]byte("x"), nil, []int{0}); return err },
		"dims":     func() error { _, _, err := rt.Run([]byte("x"), []float32{1}, []int{2}); return err },
		"no dims":  func() error { _, _, err := rt.Run([]byte("x"), []float32{1}, nil); return err },
		"no onnx":  func() error { _, _, err := rt.Run([]byte("x"), []float32{1}, []int{1}); return err },
	} {
		if err := run(); err == nil || !strings.HasPrefix(err.Error(), "ort: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
