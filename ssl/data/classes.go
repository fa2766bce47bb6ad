package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// classesOf returns the distinct names in natural order (2 before 10), and the label of each name: its index there. "" has the label −1.
func classesOf(names []string) (classes []string, labels []int32) {
	index := map[string]int32{"": -1}
	for _, name := range names {
		if _, known := index[name]; !known {
			index[name] = 0
			classes = append(classes, name)
		}
	}
	slices.SortFunc(classes, natural)
	for i, name := range classes {
		index[name] = int32(i)
	}
	labels = make([]int32, len(names))
	for i, name := range names {
		labels[i] = index[name]
	}
	return classes, labels
}

// occurring returns the names of the classes that have an image, in their order, and the labels as indices of these names. Without names
// the number of a class is its name. It returns nil, nil if no image has a label.
func occurring(classes []string, labels []int32) ([]string, []int32) {
	used := slices.Clone(labels)
	slices.Sort(used)
	used = slices.DeleteFunc(slices.Compact(used), func(l int32) bool { return l < 0 })
	if len(used) == 0 {
		return nil, nil
	}
	names := make([]string, len(used))
	for i, l := range used {
		names[i] = strconv.Itoa(int(l))
		if classes != nil {
			names[i] = classes[l]
		}
	}
	compact := make([]int32, len(labels))
	for i, l := range labels {
		compact[i] = -1
		if at, found := slices.BinarySearch(used, l); found {
			compact[i] = int32(at)
		}
	}
	return names, compact
}

// MatchClasses returns test with the classes of train and labels that index them. Classes are equal if their names are: the orders of the
// sets may differ, and a set whose labels are numbers matches folders with these numbers. The pixels are shared; the result is test itself if
// it has the classes of train already.
//
// A class that only train has is no error: note, otherwise "", says that the test set has no image of it. The error for a class that only
// test has, which no classifier fitted on train can predict, names the difference. A set without labels is an error too.
func MatchClasses(train, test *Set) (matched *Set, note string, err error) {
	for _, s := range []*Set{test, train} {
		if s.Labels == nil {
			return nil, "", fmt.Errorf("data: %s has no labels: use one folder per class, a list with labels, or a data-set file with labels", s.Name)
		}
	}
	if slices.Equal(train.Classes, test.Classes) {
		return test, "", nil
	}
	index := map[string]int32{}
	for i, name := range train.Classes {
		index[name] = int32(i)
	}
	translate := make([]int32, len(test.Classes))
	var onlyTest []string
	for i, name := range test.Classes {
		at, found := index[name]
		if !found {
			onlyTest = append(onlyTest, name)
		}
		translate[i] = at
		delete(index, name)
	}
	onlyTrain := slices.DeleteFunc(slices.Clone(train.Classes), func(name string) bool { _, left := index[name]; return !left })
	if len(onlyTest) > 0 {
		text := fmt.Sprintf("only %s has %s", test.Name, someNames(onlyTest, len(test.Classes)))
		if len(onlyTrain) > 0 {
			text += fmt.Sprintf("; only %s has %s", train.Name, someNames(onlyTrain, len(train.Classes)))
		}
		return nil, "", fmt.Errorf("data: the sets have different classes: %s: %s", text, renaming(onlyTrain, onlyTest))
	}
	if len(onlyTrain) > 0 {
		note = fmt.Sprintf("%s has no image of %s of %s", test.Name, someNames(onlyTrain, len(train.Classes)), train.Name)
	}
	matched = test.Subset(span(test.Len()))
	for i, l := range test.Labels {
		if l >= 0 {
			matched.Labels[i] = translate[l]
		}
	}
	matched.Classes = train.Classes
	return matched, note, nil
}

// span returns 0 … n−1.
func span(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// splitNote returns a note about classes that are the parts of a data set, otherwise "".
func splitNote(name string, classes []string) string {
	parts := []string{"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
	isPart := func(class string) bool { return slices.Contains(parts, strings.ToLower(class)) }
	if len(classes) == 0 || !isPart(classes[0]) || slices.ContainsFunc(classes, func(s string) bool { return !isPart(s) }) {
		return ""
	}
	return fmt.Sprintf("%s has the classes %s, the parts of a data set: give one part at a time, as %s", name, strings.Join(classes, " and "),
		filepath.Join(name, classes[len(classes)-1]))
}

const (
	someMost  = 5  // names that a message lists
	nameRunes = 60 // of a name in a message
)

// someNames returns the first few of a set's class names, quoted, with their number and that of all.
func someNames(names []string, all int) string {
	var quoted []string
	for _, name := range names[:min(len(names), someMost)] {
		if r := []rune(name); len(r) > nameRunes {
			name = string(r[:nameRunes]) + "…"
		}
		quoted = append(quoted, strconv.Quote(name))
	}
	if len(names) > someMost {
		quoted = append(quoted, "…")
	}
	return fmt.Sprintf("%d of %d classes (%s)", len(names), all, strings.Join(quoted, ", "))
}

// renaming returns what to do about names that occur in one set only.
func renaming(a, b []string) string {
	for _, c := range []struct {
		same       func(string) string // equal for names that only differ in this way
		difference string
	}{
		{norm.NFC.String, "%+q and %+q look equal, but are different Unicode characters, as copies from different systems have them: rename one"},
		{strings.ToLower, "%q and %q differ in upper and lower case: rename one"},
		{func(s string) string { return strings.TrimLeft(s, "0") }, "%q and %q differ in leading zeros: rename one"},
	} {
		inA := map[string]string{}
		for _, name := range a {
			inA[c.same(name)] = name
		}
		for _, name := range b {
			if other, is := inA[c.same(name)]; is {
				return fmt.Sprintf(c.difference, other, name)
			}
		}
	}
	if len(a) > 0 && len(b) > 0 && numbers(a) != numbers(b) {
		return "one set has numbers for classes, the other has names: give both the same"
	}
	return "use the same class folders or labels in both"
}

// numbers reports whether all names are whole numbers.
func numbers(names []string) bool {
	return !slices.ContainsFunc(names, func(s string) bool { return digits(s) != s })
}
