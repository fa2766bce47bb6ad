package compile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder writes two sources, one with two variants and a nested include, their SPIR-V and their manifest.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "a.comp", "#version 450\n//! variant small -DTM=4\n//! variant big -DTM=16 -DVEC\n#include \"one.glsl\"\n")
	put(t, dir, "b.comp", "#version 450\n//! target vulkan1.1\n")
	put(t, dir, "one.glsl", "#include \"two.glsl\"\n")
	put(t, dir, "two.glsl", "// two\n")
	if err := os.Mkdir(filepath.Join(dir, "spv"), 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := Scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{}
	for _, s := range list {
		put(t, dir, "spv/"+s.Name+".spv", "code of "+s.Name)
		m[s.Name] = Entry{Key: s.Key, SPIRV: digest([]byte("code of " + s.Name)), Compiler: "none"}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "spv/manifest.json", string(raw))
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestScanReadsVariantsDefinesAndTarget(t *testing.T) {
	list, err := Scan(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []Shader{
		{Name: "a.small", Source: "a.comp", Defines: []string{"-DTM=4"}, Target: "vulkan1.0"},
		{Name: "a.big", Source: "a.comp", Defines: []string{"-DTM=16", "-DVEC"}, Target: "vulkan1.0"},
		{Name: "b", Source: "b.comp", Target: "vulkan1.1"},
	}
	if len(list) != len(want) {
		t.Fatalf("%d shaders, want %d: %+v", len(list), len(want), list)
	}
	for i, w := range want {
		g := list[i]
		if g.Name != w.Name || g.Source != w.Source || g.Target != w.Target || !slices.Equal(g.Defines, w.Defines) {
			t.Errorf("shader %d is %+v, want %+v", i, g, w)
		}
	}
}

func TestCheckFindsEveryKindOfDifference(t *testing.T) {
	both := []string{"a.big", "a.small"}
	for _, c := range []struct {
		what string
		do   func(t *testing.T, dir string)
		want []string
	}{
		{"nothing", func(*testing.T, string) {}, nil},
		{"source", func(t *testing.T, d string) { put(t, d, "b.comp", "#version 450\n//! target vulkan1.1\n// more\n") }, []string{"b"}},
		{"target", func(t *testing.T, d string) { put(t, d, "b.comp", "#version 450\n//! target vulkan1.2\n") }, []string{"b"}},
		{"include", func(t *testing.T, d string) { put(t, d, "one.glsl", "#include \"two.glsl\"\n// more\n") }, both},
		{"nested include", func(t *testing.T, d string) { put(t, d, "two.glsl", "// 2\n") }, both},
		{"missing SPIR-V", func(t *testing.T, d string) { remove(t, d, "spv/b.spv") }, []string{"b"}},
		{"edited SPIR-V", func(t *testing.T, d string) { put(t, d, "spv/b.spv", "other") }, []string{"b"}},
		{"orphan file", func(t *testing.T, d string) { put(t, d, "spv/c.spv", "code") }, []string{"c"}},
		{"source gone", func(t *testing.T, d string) { remove(t, d, "b.comp") }, []string{"b"}},
		{"new source", func(t *testing.T, d string) { put(t, d, "c.comp", "#version 450\n") }, []string{"c"}},
	} {
		dir := folder(t)
		c.do(t, dir)
		bad, err := Check(dir)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		var names []string
		for _, p := range bad {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s: Check found %v, want %v", c.what, names, c.want)
		}
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestScanRejectsMalformedSources(t *testing.T) {
	for name, text := range map[string]string{
		"unknown directive": "//! optimize\n",
		"unnamed variant":   "//! variant\n",
		"flag for define":   "//! variant x -O0\n",
		"variant twice":     "//! variant x\n//! variant x -DA\n",
		"target":            "//! target opengl\n",
		"extension":         "//! needs matrices\n",
		"capability":        "//! needs SPV_MARR_no_such\n",
		"missing include":   "#include \"gone.glsl\"\n",
	} {
		dir := t.TempDir()
		put(t, dir, "a.comp", "#version 450\n"+text)
		if _, err := Scan(dir); err == nil {
			t.Errorf("%s: Scan accepted %q", name, text)
		}
	}
}

func TestUpdateCompilesOnlyWhatChanged(t *testing.T) {
	if _, err := Version(); err != nil {
		t.Skip("glslc is not installed: only a change of a shader needs it")
	}
	dir := t.TempDir()
	const body = "layout(local_size_x=N) in;\nlayout(binding=0) buffer B{float b[];};\nvoid main(){b[gl_GlobalInvocationID.x]=1;}\n"
	put(t, dir, "a.comp", "#version 450\n//! variant x -DN=8\n//! variant y -DN=16\n"+body)
	put(t, dir, "b.comp", "#version 450\n#define N 4\n"+body)
	update := func() (lines []string, err error) {
		err = Update(dir, 1, func(s string) { lines = append(lines, s) })
		return
	}
	if lines, err := update(); err != nil || len(lines) != 3 {
		t.Fatalf("first update: %v, %q, want 3 lines", err, lines)
	}
	if lines, err := update(); err != nil || len(lines) != 0 {
		t.Fatalf("second update: %v, %q, want nothing to do", err, lines)
	}
	put(t, dir, "b.comp", "#version 450\n#define N 2\n"+body)
	remove(t, dir, "a.comp")
	if lines, err := update(); err != nil || len(lines) != 3 {
		t.Fatalf("third update: %v, %q, want b compiled and a.x, a.y removed", err, lines)
	}
	put(t, dir, "c.comp", "#version 450\nvoid main(){ nonsense }\n")
	put(t, dir, "b.comp", "#version 450\n#define N 8\n"+body)
	if lines, err := update(); err == nil || len(lines) != 1 {
		t.Fatalf("update with a broken source: %v, %q, want an error and b compiled", err, lines)
	}
	remove(t, dir, "c.comp")
	if bad, err := Check(dir); err != nil || len(bad) != 0 {
		t.Fatalf("Check after the updates: %v, %v", bad, err)
	}
}

func TestCapabilitiesOfNoCompilerAreMissing(t *testing.T) {
	if _, err := Version(); err != nil {
		t.Skip("glslc is not installed: only a change of a shader needs it")
	}
	for needs, want := range map[string]bool{"SPV_KHR_float_controls 4467": true, "SPV_MARR_no_such 65000": false} { // RoundingModeRTE
		if got := installed.has(needs); got != want {
			t.Errorf("has(%q) is %v, want %v", needs, got, want)
		}
	}
}

func TestNewerCompilerIsUsedWhereTheInstalledOneLacksAnExtension(t *testing.T) {
	if _, err := Version(); err != nil {
		t.Skip("glslc is not installed: only a change of a shader needs it")
	}
	dir := t.TempDir()
	put(t, dir, "a.comp", "#version 450\nvoid main(){}\n")
	put(t, dir, "b.comp", "#version 450\n//! needs GL_MARR_no_such\nvoid main(){}\n")
	for _, c := range []struct {
		newer string
		lines int
		want  string
	}{{"", 1, "GL_MARR_no_such: set MARR_GLSLC"}, {"no-such-compiler", 0, "no-such-compiler"}, {"nice -n 1 glslc", 1, ""}} {
		t.Setenv("MARR_GLSLC", c.newer)
		var lines []string
		err := Update(dir, 1, func(s string) { lines = append(lines, s) })
		if len(lines) != c.lines || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("newer compiler %q: compiled %q, error %v, want %d shaders and an error with %q", c.newer, lines, err, c.lines, c.want)
		}
	}
}
