package data

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// ignored counts the files of a folder or an archive that are no images, to explain a set without images.
type ignored struct {
	endings  map[string]int    // files by extension; "": without one
	archives []string          // their names, in the order in which they were found
	sets     []string          // of files of data sets in other formats
	clutter  map[string]string // first paths of folders that systems make, by their names
}

// add counts one file.
func (g *ignored) add(name string) {
	base := path.Base(name)
	switch {
	case isArchive(base):
		g.archives = append(g.archives, name)
	case isPlanes(base) || isIDX(base):
		g.sets = append(g.sets, name)
	}
	if g.endings == nil {
		g.endings = map[string]int{}
	}
	g.endings[strings.ToLower(path.Ext(base))]++
}

// readable returns the archives that can be read.
func (g *ignored) readable() []string {
	return slices.DeleteFunc(slices.Clone(g.archives), func(a string) bool { return !endsIn(a, archiveEndings...) })
}

// merge adds the files of h.
func (g *ignored) merge(h ignored) {
	if g.endings == nil {
		g.endings = map[string]int{}
	}
	for e, n := range h.endings {
		g.endings[e] += n
	}
	for _, name := range h.clutter {
		g.hides(name)
	}
	g.archives, g.sets = append(g.archives, h.archives...), append(g.sets, h.sets...)
}

// shown is the number of names or extensions that a message lists.
const shown = 3

// String describes the files, such as "it holds 12 .txt files and 1 .json file".
func (g *ignored) String() string {
	if len(g.endings) == 0 {
		return "it is empty"
	}
	endings := slices.SortedFunc(maps.Keys(g.endings), func(a, b string) int {
		return cmp.Or(cmp.Compare(g.endings[b], g.endings[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, e := range endings[:min(shown, len(endings))] {
		n, files := g.endings[e], "files"
		if n == 1 {
			files = "file"
		}
		if e == "" {
			parts = append(parts, fmt.Sprintf("%d %s without an extension", n, files))
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s %s", n, e, files))
	}
	if len(endings) > shown {
		parts = append(parts, "others")
	}
	last := len(parts) - 1
	if last == 0 {
		return "it holds " + parts[0]
	}
	return "it holds " + strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// some joins the first names of a list for a message.
func some(names []string) string {
	if len(names) > shown {
		return strings.Join(names[:shown], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// why explains why a set has no images, and what to do.
func (g *ignored) why(kind string) string {
	unpack := kind == "archive"
	switch {
	case len(g.sets) > 0 && unpack:
		return fmt.Sprintf("it holds the data set %s: unpack it, and give the folder", some(g.sets))
	case len(g.sets) > 0:
		var folders []string
		for _, s := range g.sets {
			folders = append(folders, path.Dir(s))
		}
		return fmt.Sprintf("it holds data sets in %s: give one of them", some(slices.Compact(folders)))
	case len(g.archives) > 0 && unpack:
		return fmt.Sprintf("it holds archives (%s): unpack it, and give one of them", some(g.archives))
	case len(g.archives) > 0:
		return fmt.Sprintf("it holds archives (%s): give one of them, or unpack them into one folder", some(g.archives))
	}
	return g.String() + ": expected .png, .jpg or other images in it"
}
