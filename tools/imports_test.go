// Package tools_test keeps the direction of imports: {shaders, vk} ← kernels ← net ← {ssl, export} ← {bench, tools}, and within ssl
// {data, views, watch} ← ssl, ssl/train ← {ssl/run, ssl/eval}.
package tools_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of go.mod.
const module = "github.com/marr-ssl/marr"

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

// divided lists the parts whose packages have borders between them: see rooms.
var divided = []string{"net", "ssl", "bench"}

// rooms lists what packages inside a part may import of the same part. A package that is not here may import none of its part's.
var rooms = map[string][]string{
	"net":               {"net/registry"},
	"ssl":               {"ssl/views"},
	"ssl/data":          {"ssl/data/decode", "ssl/data/idx", "ssl/data/store", "ssl/parallel"},
	"ssl/data/datatest": {"ssl/data"},
	"ssl/data/store":    {"ssl/data/decode"},
	"ssl/views":         {"ssl/tomlfile"},
	"ssl/watch":         {"ssl/parallel"},
	"ssl/train":         {"ssl", "ssl/data", "ssl/parallel", "ssl/ranks", "ssl/views", "ssl/watch"},
	"ssl/eval":          {"ssl", "ssl/data", "ssl/data/decode", "ssl/parallel", "ssl/train", "ssl/views"},
	"ssl/ranks":         {"ssl/parallel"},
	"ssl/ranks/mpi":     {"ssl/ranks"},
	"ssl/report/page":   {"ssl", "ssl/ablate", "ssl/eval", "ssl/run", "ssl/saliency"},
	"ssl/run":           {"ssl", "ssl/data", "ssl/ranks", "ssl/report", "ssl/tomlfile", "ssl/train", "ssl/views", "ssl/watch"},
	"bench/check":       {"bench"},
	"bench/methods":     {"bench"},
}

func TestImportsPointDownwards(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	if first != "module "+module {
		t.Fatalf("go.mod begins with %q, not with module %s", first, module)
	}
	files := 0
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
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
	case name == "C" && part != "vk" && !strings.Contains(path, "export/ort") && !strings.Contains(path, "ssl/ranks/mpi") && !strings.HasSuffix(path, "decode/jpeg_turbo.go"):
		return "cgo is for vk, ONNX Runtime, MPI and libjpeg-turbo"
	case strings.HasPrefix(name, "github.com/vulkan-go/") && part != "vk":
		return "only vk speaks Vulkan"
	}
	name, ours := strings.CutPrefix(name, module+"/")
	if !ours || name == "vk/filesys" { // how files differ between systems is for all
		return ""
	}
	to := strings.Split(name, "/")[0]
	if to != part && !slices.Contains(allowed, to) {
		return part + " may import only " + strings.Join(allowed, ", ")
	}
	room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
	if to == part && slices.Contains(divided, part) && !slices.Contains(rooms[room], name) {
		return room + " may import only " + strings.Join(rooms[room], ", ") + " of its part"
	}
	return ""
}

// Networks are chosen by name: outside of net no code but tests may depend on a particular architecture.
func TestArchitecturesAreNamedByTheirRegistryOnly(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../net/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "net.ResNet") {
			t.Errorf("%s depends on net.ResNet: use net.Backbone and net.NewConfig", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
