//go:build unix

package ort

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The paths are those of Unix, also for Windows.
func TestSearchOrder(t *testing.T) {
	own := []string{"/opt/marr", "/home/u/.cache/marr/ort"}
	variables := map[string]string{"LD_LIBRARY_PATH": "/a/lib:relative:/b", "DYLD_LIBRARY_PATH": "/d", "ProgramFiles": "/Program Files"}
	for _, c := range []struct{ system, processor, want string }{
		{"linux", "amd64", "libonnxruntime.so* in /opt/marr, /home/u/.cache/marr/ort, /a/lib, /b, /usr/local/lib, /usr/lib/x86_64-linux-gnu, /usr/lib64, /usr/lib, /opt/onnxruntime/lib:"},
		{"linux", "arm64", "libonnxruntime.so* in /opt/marr, /home/u/.cache/marr/ort, /a/lib, /b, /usr/local/lib, /usr/lib/aarch64-linux-gnu, /usr/lib64, /usr/lib, /opt/onnxruntime/lib:"},
		{"darwin", "arm64", "libonnxruntime.*dylib in /opt/marr, /home/u/.cache/marr/ort, /d, /opt/homebrew/lib, /usr/local/lib, /opt/onnxruntime/lib:"},
		{"windows", "amd64", "onnxruntime.dll in /opt/marr, /home/u/.cache/marr/ort, /Program Files/onnxruntime/lib:"},
	} {
		t.Setenv(LibEnv, "")
		err := &NotPresentError{places(c.system, c.processor, own, func(name string) string { return variables[name] })}
		if !strings.Contains(err.Error(), "no "+c.want) || !strings.Contains(err.Error(), howToGet) {
			t.Errorf("%s %s: %v: want %s", c.system, c.processor, err, c.want)
		}
	}
}

func TestFoldersOfTheProgramComeFirst(t *testing.T) {
	t.Setenv(LibEnv, "")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := candidates()
	if filepath.Dir(got[0]) != filepath.Dir(self) || filepath.Dir(got[1]) != filepath.Join(cache, "marr", "ort") {
		t.Errorf("candidates %v: want %s and %s first", got, filepath.Dir(self), cache)
	}
}

func TestExistingMatchesNamesWithVersions(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	names := []string{"libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.24.1"}
	for _, name := range append(names, "libonnxruntime_providers_shared.so") {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, name := range names {
		want = append(want, filepath.Join(dir, name))
	}
	if got := existing([]string{filepath.Join(other, "libonnxruntime.so*"), filepath.Join(dir, "libonnxruntime.so*")}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
