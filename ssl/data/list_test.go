package data

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"
)

// inUTF16 returns text in UTF-16 with a byte order mark.
func inUTF16(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, v := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, v)
	}
	return string(b)
}

// isNoName reports whether a system has no files of that name: those of Windows have no control characters.
func isNoName(name string) bool {
	return runtime.GOOS == "windows" && strings.ContainsFunc(name, unicode.IsControl)
}

// A list of a.png, labeled cat, and "b c.png", labeled dog, in the forms that programs write.
func TestListsAreReadAsProgramsWriteThem(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.png", "b c.png", "d, e.png", "#1.png", "tab\tname.png", "u\u0308.png", "sub/f.png"} {
		if isNoName(name) {
			continue
		}
		write(t, pngOf(t, gray(4, 4, byte(i))), dir, name)
	}
	for _, c := range []struct {
		what, text string
		name       string // of the list; "": list.txt
		files      string // separated by |; "": a.png|b c.png
		labels     string // the same; "": cat|dog
		note       string // "": none
	}{
		{what: "tabs", text: "a.png\tcat\nb c.png\tdog\n"},
		{what: "CR", text: "a.png\tcat\rb c.png\tdog\r"},
		{what: "CR LF without a last line break", text: "a.png\tcat\r\n\r\nb c.png\tdog"},
		{what: "UTF-8 with a byte order mark", text: "\ufeffa.png\tcat\nb c.png\tdog\n"},
		{what: "UTF-16, little-endian", text: inUTF16("a.png\tcat\nb c.png\tdog\n", binary.LittleEndian)},
		{what: "UTF-16, big-endian", text: inUTF16("a.png\tcat\nb c.png\tdog\n", binary.BigEndian)},
		{what: "spaces around", text: "a.png  \t cat \n b c.png \tdog\n"},
		{what: "quotation marks", text: "\"a.png\"\t\"cat\"\n\"b c.png\"\tdog\n"},
		{what: "a line of column names", text: "path\tlabel\na.png\tcat\nb c.png\tdog\n", note: `names of columns and is skipped: "path\tlabel"`},
		{what: "commas", text: "a.png,cat\nb c.png,dog\n", note: "columns are separated by commas"},
		{what: "semicolons", text: "a.png;cat\nb c.png; dog\n", note: "columns are separated by semicolons"},
		{what: "spaces", text: "a.png cat\nb c.png dog\n", note: "columns are separated by spaces"},
		{what: "CSV", name: "list.csv", text: "file,label\na.png,\"cat, wild\"\n\"b c.png\",dog\n\"d, e.png\",\"the \"\"dog\"\"\"\n",
			files: "a.png|b c.png|d, e.png", labels: `cat, wild|dog|the "dog"`, note: "names of columns"},
		{what: "more columns", text: "a.png\tcat\ttrain\nb c.png\tdog\n", note: "lines with more than two columns: 1;"},
		{what: "no labels", text: "a.png \nb c.png\n", labels: "|"},
		{what: "some labels", text: "a.png\t\nb c.png\tdog\nd, e.png\n#1.png\tcat\n", files: "a.png|b c.png|d, e.png|#1.png", labels: "|dog||cat"},
		{what: "comments", text: "# images\n  # of pets\na.png\tcat\n#2.png\tdog\nb c.png\tdog\n"},
		{what: "a number sign in a name", text: "#1.png\nb c.png\n", files: "#1.png|b c.png", labels: "|"},
		{what: "a tab in a name", text: "tab\tname.png\na.png\n", files: "tab\tname.png|a.png", labels: "|"},
		{what: "a comma in a name", text: "d, e.png,cat\na.png,dog\n", files: "d, e.png|a.png", note: "commas"},
		{what: "composed letters", text: "\u00fc.png\tcat\nb c.png\tdog\n", files: "u\u0308.png|b c.png"},
		{what: "backslashes", text: "sub\\f.png\tcat\nb c.png\tdog\n", files: "sub/f.png|b c.png"},
		{what: "images twice", text: "a.png\tcat\na.png\tcat\n./a.png\tdog\n", files: "a.png|a.png|./a.png", labels: "cat|cat|dog", note: "lines that repeat an image: 2 of 3;"},
		{what: "other labels for an image", text: "a.png\tcat\na.png\tdog\n", files: "a.png|a.png", note: `"a.png" has the labels "cat" and "dog"`},
		{what: "huge numbers", text: "a.png\t4000000000\nb c.png\t-1\n", labels: "4000000000|-1"},
	} {
		orElse := func(s, other string) []string {
			if s == "" {
				s = other
			}
			return strings.Split(s, "|")
		}
		files, labels := orElse(c.files, "a.png|b c.png"), orElse(c.labels, "cat|dog")
		if slices.ContainsFunc(files, isNoName) {
			continue
		}
		var k log
		s := openWith(t, write(t, []byte(c.text), dir, orElse(c.name, "list.txt")[0]), k.options(cached(t, 4)))
		if !slices.Equal(s.Files, files) || len(s.Skipped) > 0 {
			t.Errorf("%s: files %q, skipped %v", c.what, s.Files, s.Skipped)
		}
		got := namesOf(s)
		if s.Labels == nil {
			got = make([]string, s.Len())
		}
		if !slices.Equal(got, labels) {
			t.Errorf("%s: labels %q, want %q", c.what, got, labels)
		}
		if c.note != "" && !k.has(c.note) || c.note == "" && len(k.notices) > 0 {
			t.Errorf("%s: notes %q, want %q", c.what, k.notices, c.note)
		}
	}
}

// A class that only a skipped line has is no class.
func TestClassesOfAListAreThoseOfItsImages(t *testing.T) {
	dir := t.TempDir()
	write(t, pngOf(t, gray(4, 4, 1)), dir, "a.png")
	write(t, pngOf(t, gray(4, 4, 2)), dir, "b.png")
	s := openSize(t, write(t, []byte("a.png\t60000\nnone.png\tghost\nb.png\t7\n"), dir, "list.txt"), 4)
	if !slices.Equal(s.Classes, []string{"7", "60000"}) || !slices.Equal(s.Labels, []int32{1, 0}) || !bytes.Equal(pixels(s)[:1], []byte{1}) {
		t.Errorf("classes %q, labels %v", s.Classes, s.Labels)
	}
}
