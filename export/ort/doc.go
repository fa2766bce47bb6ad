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
	return fmt.Sprintf("ort: ONNX Runtime is not present (looked for %s): run tools/setup/ort.sh, or set %s to the library's path", where, LibEnv)
}

// candidates returns the paths of the library to try: LibEnv alone if it is set, else the user's cache folder and the library folders.
func candidates() []string {
	if path := os.Getenv(LibEnv); path != "" {
		return []string{path}
	}
	name := map[string]string{"darwin": "libonnxruntime.dylib", "windows": "onnxruntime.dll"}[runtime.GOOS]
	if name == "" {
		name = "libonnxruntime.so.1"
	}
	var out []string
	if cache, err := os.UserCacheDir(); err == nil {
		out = append(out, filepath.Join(cache, "marr", "ort", name))
	}
	multiarch := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	for _, dir := range []string{"/usr/local/lib", "/usr/lib/" + multiarch, "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib", "/opt/homebrew/lib"} {
		out = append(out, filepath.Join(dir, name))
	}
	return out
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
