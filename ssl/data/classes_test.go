package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// labeled returns a set of gray pixels, one for each name; "" has no label.
func labeled(name string, names ...string) *Set {
	s := newHeapSet(name, 1, 1, 1, make([]byte, len(names)), nil, nil)
	s.Classes, s.Labels = classesOf(names)
	return s
}

// namesOf returns the class name of each image.
func namesOf(s *Set) (names []string) {
	for _, l := range s.Labels {
		if l < 0 {
			names = append(names, "")
			continue
		}
		names = append(names, s.Classes[l])
	}
	return names
}

func TestClassesOfTwoSetsAreMatchedByName(t *testing.T) {
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("class %04d", i))
	}
	for _, c := range []struct {
		what        string
		train, test []string
		note        string // "": none
		errs        []string
	}{
		{"the same", []string{"a", "b"}, []string{"b", "", "a"}, "", nil},
		{"numbers; the test set lacks one", strings.Fields("0 1 2 10"), strings.Fields("10 2 0"), `test has no image of 1 of 4 classes ("1") of train`, nil},
		{"another class", []string{"ant", "cat"}, []string{"ant", "kitten"}, "",
			[]string{`only test has 1 of 2 classes ("kitten"); only train has 1 of 2 classes ("cat")`, "use the same class folders or labels"}},
		{"one class more", []string{"ant", "cat"}, []string{"ant", "cat", "dog"}, "", []string{`different classes: only test has 1 of 3 classes ("dog"): use`}},
		{"a comma in names", []string{"a, b", "c"}, []string{"a", "b, c"}, "", []string{`("a", "b, c")`, `("a, b", "c")`}},
		{"one of many", many, slices.Delete(slices.Clone(many), 150, 151), `no image of 1 of 300 classes ("class 0150")`, nil},
		{"many", many, []string{"x"}, "", []string{`only train has 300 of 300 classes ("class 0000", "class 0001", "class 0002", "class 0003", "class 0004", …): use`}},
		{"a long name", []string{"a", strings.Repeat("ab", 500)}, []string{"a"}, `("` + strings.Repeat("ab", 30) + `…")`, nil},
		{"control characters", []string{"a", "b"}, []string{"a", "\x1b]0;x\a"}, "", []string{`"\x1b]0;x\a"`}},
		{"composed and decomposed letters", []string{"\u00fcbung", "x"}, []string{"u\u0308bung", "x"}, "", []string{`"\u00fcbung" and "u\u0308bung" look equal`, "rename one"}},
		{"case", []string{"ant", "x"}, []string{"Ant", "x"}, "", []string{`"ant" and "Ant" differ in upper and lower case`}},
		{"leading zeros", []string{"1", "2"}, []string{"01", "02"}, "", []string{`"1" and "01" differ in leading zeros`}},
		{"numbers against names", []string{"0", "1"}, []string{"cat", "dog"}, "", []string{"one set has numbers for classes, the other has names"}},
	} {
		matched, note, err := MatchClasses(labeled("train", c.train...), labeled("test", c.test...))
		if c.errs != nil {
			for _, part := range c.errs {
				if err == nil || !strings.Contains(err.Error(), part) || len(err.Error()) > 300 {
					t.Errorf("%s: %v, want %q", c.what, err, part)
				}
			}
			continue
		}
		if err != nil || (note == "") != (c.note == "") || !strings.Contains(note, c.note) {
			t.Errorf("%s: note %q, want %q; %v", c.what, note, c.note, err)
			continue
		}
		if got, want := namesOf(matched), c.test; !slices.Equal(got, want) || !slices.Equal(matched.Classes, labeled("train", c.train...).Classes) {
			t.Errorf("%s: test images are of %q, want %q", c.what, got, want)
		}
	}
	if _, _, err := MatchClasses(labeled("x", "a"), newHeapSet("y", 1, 1, 1, nil, nil, nil)); err == nil || !strings.Contains(err.Error(), "data: y has no labels") {
		t.Errorf("no labels: %v", err)
	}
}

func TestPartsOfADataSetAreNoClasses(t *testing.T) {
	for _, c := range []struct{ folders, note string }{
		{"train test", string(filepath.Separator) + "train"}, {"Test Train val", "classes Test and Train and val"}, {"train cat", ""}, {"test dog", ""}, {"a b", ""},
	} {
		dir := t.TempDir()
		for _, name := range strings.Fields(c.folders) {
			write(t, pngOf(t, gray(4, 4, 1)), dir, name, "a.png")
		}
		var k log
		openWith(t, dir, k.options(cached(t, 4)))
		if c.note == "" && len(k.notices) > 0 || !k.has(c.note) && c.note != "" {
			t.Errorf("%s: notes %q, want %q", c.folders, k.notices, c.note)
		}
	}
}

func TestOnlyClassesWithImagesCount(t *testing.T) {
	for _, c := range []struct {
		names       []string
		labels      []int32
		wantNames   string
		wantLabels  []int32
		description string
	}{
		{nil, []int32{60000, 3, -1, 3}, "3 60000", []int32{1, 0, -1, 0}, "numbers with a gap"},
		{[]string{"a", "b", "c"}, []int32{2, 0}, "a c", []int32{1, 0}, "names"},
		{[]string{"a"}, []int32{-1, -1}, "", nil, "no labels"},
		{nil, nil, "", nil, "nothing"},
	} {
		names, labels := occurring(c.names, c.labels)
		if !slices.Equal(names, strings.Fields(c.wantNames)) || !slices.Equal(labels, c.wantLabels) || (labels == nil) != (c.wantLabels == nil) {
			t.Errorf("%s: %q, %v", c.description, names, labels)
		}
	}
	s := FromImages("x", []Image{{H: 1, W: 1, C: 1, Pix: []byte{1}}, {H: 1, W: 1, C: 1, Pix: []byte{2}}}, []int32{9, 4})
	if s.NumClasses() != 2 || !slices.Equal(namesOf(s), []string{"9", "4"}) {
		t.Errorf("%d classes, images of %q", s.NumClasses(), namesOf(s))
	}
}
