// Package tools_test keeps the direction of imports: {shaders, vk} ← kernels ← net ← {ssl, export} ← {bench, tools}.
package tools_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// below lists what each part may import of this module, besides itself.
var below = map[string][]string{
	"shaders": {},
	"vk":      {},
	"kernels": {"shaders", "vk"},
	"net":     {"kernels"},
	"ssl":     {"kernels", "net", "vk"},
	"export":  {"kernels", "net"},
	"bench":   {"export", "kernels", "net", "shaders", "ssl", "vk"},
	"tools":   {"bench", "export", "kernels", "net", "shaders", "ssl", "vk"},
}

func TestImportsPointDownwards(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		part := strings.Split(filepath.ToSlash(path), "/")[1]
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(path, part, name); why != "" {
				t.Errorf("%s imports %s: %s", path, name, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Fatalf("only %d files were looked at", files)
	}
}

// forbidden says why a file may not import a package, "" if it may.
func forbidden(path, part, name string) string {
	allowed, known := below[part]
	switch {
	case !known:
		return "its folder is not one of the parts"
	case name == "C" && part != "vk" && !strings.Contains(path, "export/ort") && !strings.HasSuffix(path, "decode/jpeg_turbo.go"):
		return "cgo is for vk, ONNX Runtime and libjpeg-turbo"
	case strings.HasPrefix(name, "github.com/vulkan-go/") && part != "vk":
		return "only vk speaks Vulkan"
	case !strings.HasPrefix(name, "marr/"):
		return ""
	}
	if to := strings.Split(name, "/")[1]; to != part && !slices.Contains(allowed, to) {
		return part + " may import only " + strings.Join(allowed, ", ")
	}
	return ""
}
