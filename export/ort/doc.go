// Package ort runs ONNX models in ONNX Runtime, an independent check of the files that package export writes. It uses cgo; in a build
// without cgo, Open returns a NotPresentError. Open loads the library, so programs build and start without it.
package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LibEnv is the environment variable with the path of the library. If it is set, Open tries no other path.
const LibEnv = "MARR_ORT_LIB"

// howToGet says where the library comes from. The version is that of the header in onnxruntime_go (ORT_API_VERSION).
const howToGet = "unpack ONNX Runtime 1.24 or later for this system (github.com/microsoft/onnxruntime/releases) and copy its library beside the program, or set " +
	LibEnv + " to the library's path"

// NotPresentError reports that ONNX Runtime is not installed. Tried lists the paths that Open tried; the last element of a path may be a pattern. It is
// empty in a build without cgo.
type NotPresentError struct{ Tried []string }

func (e *NotPresentError) Error() string {
	if len(e.Tried) == 0 {
		return "ort: ONNX Runtime is not present: this program was built without cgo: build it with CGO_ENABLED=1"
	}
	if path := os.Getenv(LibEnv); path != "" {
		return fmt.Sprintf("ort: ONNX Runtime is not present: %s names %s, which does not exist: correct or unset it", LibEnv, path)
	}
	var dirs []string
	for _, path := range e.Tried {
		dirs = append(dirs, filepath.Dir(path))
	}
	return fmt.Sprintf("ort: ONNX Runtime is not present: no %s in %s: %s", filepath.Base(e.Tried[0]), strings.Join(dirs, ", "), howToGet)
}

// candidates returns the paths of the library to try: LibEnv alone if it is set, else those of places.
func candidates() []string {
	if path := os.Getenv(LibEnv); path != "" {
		return []string{path}
	}
	var own []string
	if self, err := os.Executable(); err == nil {
		if target, err := filepath.EvalSymlinks(self); err == nil {
			self = target
		}
		own = append(own, filepath.Dir(self))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		own = append(own, filepath.Join(cache, "marr", "ort"))
	}
	return places(runtime.GOOS, runtime.GOARCH, own, os.Getenv)
}

// places returns the paths of the library on a system, in the order of the search: the program's own folders (beside it, the user's cache), the folders
// in the loader's variable, and those that it may be installed in. The last element is a pattern, because packages differ in the version that a name ends
// with. Windows has an older library of the same name among its own, so it is never searched for by name alone.
func places(system, processor string, own []string, getenv func(string) string) (paths []string) {
	var name, variable string
	var installed []string
	switch system {
	case "windows":
		name, installed = "onnxruntime.dll", []string{filepath.Join(getenv("ProgramFiles"), "onnxruntime", "lib")}
	case "darwin":
		name, variable = "libonnxruntime.*dylib", "DYLD_LIBRARY_PATH"
		installed = []string{"/opt/homebrew/lib", "/usr/local/lib", "/opt/onnxruntime/lib"}
	default:
		name, variable = "libonnxruntime.so*", "LD_LIBRARY_PATH"
		multiarch := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[processor]
		installed = []string{"/usr/local/lib", filepath.Join("/usr/lib", multiarch), "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib"}
	}
	dirs := append(own, filepath.SplitList(getenv(variable))...)
	for _, dir := range append(dirs, installed...) {
		if filepath.IsAbs(dir) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// existing returns the files that match the paths, in their order.
func existing(paths []string) (files []string) {
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil { // also if the name has characters of patterns
			files = append(files, p)
			continue
		}
		dir, pattern := filepath.Split(p)
		entries, _ := os.ReadDir(dir) // sorted; a folder that cannot be read has none
		for _, e := range entries {
			if ok, err := filepath.Match(pattern, e.Name()); ok && err == nil {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}
