// Package ort runs ONNX models in ONNX Runtime, an independent check of the files that package export writes. It uses cgo; in a build
// without cgo, Open returns a NotPresentError. Open loads the library, so programs build and start without it.
package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// LibEnv is the environment variable with the path of the library. If it is set, Open tries no other path.
const LibEnv = "MARR_ORT_LIB"

// NotPresentError reports that ONNX Runtime is not installed. Tried lists the paths that Open tried; it is empty in a build without cgo.
type NotPresentError struct{ Tried []string }

func (e *NotPresentError) Error() string {
	if len(e.Tried) == 0 {
		return "ort: ONNX Runtime is not present: this program was built without cgo: build it with CGO_ENABLED=1"
	}
	where := e.Tried[0]
	if n := len(e.Tried) - 1; n > 0 {
		where += fmt.Sprintf(", and in %d library folders", n)
	}
	mend := "run tools/setup/ort.sh"
	if runtime.GOOS == "windows" {
		mend = "copy onnxruntime.dll of its release to the first of these"
	}
	return fmt.Sprintf("ort: ONNX Runtime is not present (looked for %s): %s, or set %s to the library's path", where, mend, LibEnv)
}

// candidates returns the paths of the library to try: LibEnv alone if it is set, else the user's cache folder and the library folders.
func candidates() []string {
	if path := os.Getenv(LibEnv); path != "" {
		return []string{path}
	}
	var dirs []string
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "marr", "ort"))
	}
	name, places := libraryOf(runtime.GOOS, runtime.GOARCH)
	var out []string
	for _, dir := range append(dirs, places...) {
		out = append(out, filepath.Join(dir, name))
	}
	return out
}

// libraryOf returns the name of the library on a system, and the folders that it may be installed in. Windows has an older one of the same name among its
// own libraries, which only a path avoids.
func libraryOf(system, processor string) (name string, dirs []string) {
	switch system {
	case "windows":
		if self, err := os.Executable(); err == nil {
			dirs = append(dirs, filepath.Dir(self))
		}
		return "onnxruntime.dll", append(dirs, filepath.Join(os.Getenv("ProgramFiles"), "onnxruntime", "lib"))
	case "darwin":
		return "libonnxruntime.dylib", []string{"/opt/homebrew/lib", "/usr/local/lib", "/opt/onnxruntime/lib"}
	}
	multiarch := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[processor]
	return "libonnxruntime.so.1", []string{"/usr/local/lib", "/usr/lib/" + multiarch, "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib"}
}

// existing returns the paths that exist.
func existing(paths []string) []string {
	var out []string
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			out = append(out, p)
		}
	}
	return out
}
