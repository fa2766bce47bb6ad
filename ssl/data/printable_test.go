package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPrintableEscapesWhatChangesATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"übung 猫 👩‍👧, 100 %.png": "übung 猫 👩‍👧, 100 %.png",
		"\x1b]0;title\a":         `\x1b]0;title\a`,
		"two\nlines\ttab\r":      `two\nlines\ttab\r`,
		"\u202egnp.exe\u2028":    `\u202egnp.exe\u2028`,
		"latin1-\xe9.png\u009b":  `latin1-\xe9.png\u009b`,
		"\x00\x7f\ufffd":         `\x00\x7f` + "\ufffd",
	} {
		if got := Printable(text); got != want || Printable(got) != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// wantPrintable checks that texts have no control characters and that one of them has part.
func wantPrintable(t *testing.T, part string, texts ...string) {
	t.Helper()
	if i := slices.IndexFunc(texts, func(s string) bool { return strings.ContainsFunc(s, isUnprintable) }); i >= 0 {
		t.Errorf("%q is not printable", texts[i])
	}
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, part) }) {
		t.Errorf("%q has no %s", texts, part)
	}
}

// evil is the name of a file or a folder that changes a terminal, and escaped is what messages have in its place.
var evil, escaped = "e\x1b]0;x\avil\n", `e\x1b]0;x\avil\n`

func init() {
	if isNoName(evil) {
		evil, escaped = "e\u202evil", `e\u202evil`
	}
}

func TestNamesInMessagesArePrintable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), evil)
	one := pngOf(t, gray(4, 4, 1))
	write(t, one, dir, evil, "a.png")
	write(t, []byte("x"), dir, evil, evil+".png")
	write(t, one, dir, "b", "b.png")
	s := openSize(t, dir, 4)
	if len(s.Skipped) != 1 || !slices.Equal(s.Classes, []string{"b", evil}) || !slices.Contains(s.Files, evil+"/a.png") {
		t.Fatalf("skipped %v, classes %q, files %q", s.Skipped, s.Classes, s.Files)
	}
	wantPrintable(t, filepath.Join(escaped, escaped, escaped+".png"), s.Name, s.Skipped[0].Path, s.Skipped[0].Reason)

	var k log
	list := write(t, []byte("b/b.png\n"+strings.Repeat("b/b.png\n", 3)), dir, evil+".txt")
	openWith(t, list, k.options(cached(t, 4)))
	wantPrintable(t, escaped+".txt", k.notices...)

	for _, name := range []string{"none", "empty.txt", "bad.zip", "bad.tar", "test_batch.bin", "train_X.bin", "t10k-images-idx3-ubyte", "t-idx1-ubyte"} {
		path := filepath.Join(dir, name)
		if name != "none" {
			write(t, []byte("x"), dir, name)
		}
		_, err := Open(t.Context(), path, cached(t, 4))
		wantPrintable(t, escaped, fmt.Sprint(err))
	}
}
