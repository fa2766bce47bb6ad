package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode"
)

// A file or folder may have a name that renames the terminal or clears it.
func TestNamesAreEscapedInAllOutput(t *testing.T) {
	t.Parallel()
	evil, escaped := "e\x1b]0;x\avil\n", `e\x1b]0;x\avil\n`
	if runtime.GOOS == "windows" { // where names have no control characters
		evil, escaped = "e\u202evil", `e\u202evil`
	}
	dir := filepath.Join(t.TempDir(), evil)
	if err := os.Rename(classFolders(t, false, 0, "a", evil), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", evil+".png"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{0, escaped + ": 6 images, color", []string{"data", "inspect", dir}},
		{0, "  1  " + escaped, []string{"data", "inspect", dir}},
		{0, "skipped " + filepath.Join(filepath.Dir(dir), escaped, "a", escaped+".png: "), []string{"data", "inspect", dir}},
		{0, `"skipped":[{"path":"`, []string{"data", "inspect", dir, "--json"}},
		{0, `"reason":"`, []string{"data", "inspect", dir, "--json"}},
		{1, escaped + ": no such file", []string{"data", "inspect", filepath.Join(dir, evil, evil)}},
		{1, "only " + filepath.Join(filepath.Dir(dir), escaped) + ` has 1 of 2 classes ("` + escaped + `")`,
			[]string{"eval", "knn", "--model", "raw", "--train", classFolders(t, false, 0, "a", "b"), "--test", dir}},
		{0, filepath.Join(escaped, "sheet.png: "), []string{"views", "--data", dir, "--method", "simclr", "--out", filepath.Join(dir, "sheet.png")}},
		{1, "run " + filepath.Join(filepath.Dir(dir), strings.TrimSuffix(escaped, `\n`)), []string{"export", "--run", dir, "--out", "x.onnx"}},
	} {
		r := call(t, nil, c.args...)
		said := r.out + r.err
		if r.status != c.status || !strings.Contains(said, c.want) {
			t.Errorf("%q: status %d, said %q, want %q", c.args, r.status, said, c.want)
		}
		if i := strings.IndexFunc(said, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }); i >= 0 {
			t.Errorf("%q: said %q", c.args, said)
		}
	}
}
