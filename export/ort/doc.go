// Package ort runs ONNX models in ONNX Runtime, as an independent judge of what package export writes. It needs cgo to build (without it Open
// answers NotPresentError) and loads the library when Open is called, so neither build nor start of a program depends on it.
package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LibEnv is the environment variable that names the library file. When it is set, no other place is tried.
const LibEnv = "MARR_ORT_LIB"

// NotPresentError says that ONNX Runtime is not there; Tried lists the files that were looked for, and is empty in a build without cgo.
type NotPresentError struct{ Tried []string }

func (e *NotPresentError) Error() string {
	if len(e.Tried) == 0 {
		return "ort: ONNX Runtime is not present: this program was built without cgo: build it with CGO_ENABLED=1"
	}
	return fmt.Sprintf("ort: ONNX Runtime is not present: none of %s exists: run tools/setup/ort.sh, or set %s to the library's path",
		strings.Join(e.Tried, ", "), LibEnv)
}

// candidates lists where the library may lie: LibEnv alone if set, else the user's cache folder and the system's library folders.
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

// existing returns those of the paths that are there.
func existing(paths []string) []string {
	var out []string
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			out = append(out, p)
		}
	}
	return out
}
