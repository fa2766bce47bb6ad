package data

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"marr/ssl/data/decode"
	"marr/ssl/data/store"
)

// found is an image file of a folder or a list.
type found struct {
	stamp
	why error // it is not read
}

// look makes a found file; what is wrong with it stays its own matter.
func look(name, path string) found {
	info, err := os.Stat(path)
	if err != nil {
		return found{stamp{name, path, -1, 0}, refusal{cause(err)}}
	}
	return found{stampOf(name, path, info), usual(info)}
}

// files reads images that are files, any of them at any time.
type files struct {
	found []found
	side  int
}

func (f *files) stamps() []stamp {
	out := make([]stamp, len(f.found))
	for i, f := range f.found {
		out[i] = f.stamp
	}
	return out
}

func (f *files) names() []string {
	out := make([]string, len(f.found))
	for i, f := range f.found {
		out[i] = f.name
	}
	return out
}

func (f *files) weight(i int) int64 { return min(max(0, f.found[i].size), maxFile) } // larger ones are not read

func (f *files) fetch(i int) (func() (Image, error), error) {
	file := f.found[i]
	return func() (Image, error) {
		if file.why != nil {
			return Image{}, file.why
		}
		b, err := readFile(file.path)
		if err != nil {
			return Image{}, err
		}
		return decode.Decode(b, f.side)
	}, nil
}

func (f *files) Close() error { return nil }

// folder is every image at any depth below a folder, sorted by path.
//
// Files count by extension (decode.Known); names that begin with a dot are passed over, links are followed. Where every image lies
// below a first-level sub-folder and there are at least two of these, their sorted names are the classes; a class whose every image is bad
// keeps its label, so damage does not renumber the others.
type folder struct {
	files
	bad []store.Skipped
}

func newFolder(ctx context.Context, root string, side int) *folder {
	w := walk{ctx: ctx, root: root, seen: map[string]bool{}}
	w.run()
	slices.SortFunc(w.found, func(a, b found) int { return strings.Compare(a.name, b.name) })
	return &folder{files{w.found, side}, w.bad}
}

// stamps holds the sub-folders that could not be read, too: once they can be, the set is another.
func (f *folder) stamps() []stamp {
	out := f.files.stamps()
	for _, b := range f.bad {
		out = append(out, stamp{name: b.Name, size: -1})
	}
	return out
}

func (f *folder) list(context.Context) (*listing, error) {
	l := &listing{n: len(f.found), names: f.names(), weight: f.weight, bad: f.bad}
	l.classes, l.labels = classFolders(l.names)
	return l, nil
}

// walk collects the image files below root, named by slash paths relative to it, and the folders that could not be read.
type walk struct {
	ctx   context.Context
	root  string
	found []found
	bad   []store.Skipped
	seen  map[string]bool // folders by the path that has no links in it
	links []string        // to folders, still to be followed
}

func (w *walk) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

func (w *walk) refuse(name string, err error) {
	w.bad = append(w.bad, store.Skipped{Name: name, Reason: oneLine(cause(err).Error())})
}

// run walks the whole tree: each folder once, by its own path where it has one below root, so that links can neither make it go in circles nor
// multiply what they lead to.
func (w *walk) run() {
	w.visit("")
	for len(w.links) > 0 {
		name := w.links[0]
		w.links = w.links[1:]
		w.visit(name)
	}
}

// visit walks a folder below root and leaves links to folders for later.
func (w *walk) visit(below string) {
	real, err := filepath.EvalSymlinks(w.path(below))
	if err != nil {
		w.refuse(below, err)
		return
	}
	if w.seen[real] || w.ctx.Err() != nil { // what is missing then is never looked at
		return
	}
	w.seen[real] = true
	entries, err := os.ReadDir(real)
	if err != nil {
		w.refuse(below, err)
		return
	}
	for _, e := range entries {
		name := path.Join(below, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if e.IsDir() {
			w.visit(name)
			continue
		}
		if e.Type()&fs.ModeSymlink != 0 {
			if target, err := os.Stat(w.path(name)); err == nil && target.IsDir() {
				w.links = append(w.links, name)
				continue
			}
		}
		if decode.HasImageExtension(e.Name()) {
			w.found = append(w.found, look(name, w.path(name)))
		}
	}
}
