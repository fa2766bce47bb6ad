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

// imageFile is an image file of a folder or a list.
type imageFile struct {
	stamp
	why error // reason to skip it; nil: none
}

// newImageFile stats a file. An error is stored as the reason to skip it.
func newImageFile(name, path string) imageFile {
	info, err := os.Stat(path)
	if err != nil {
		return imageFile{stamp{name, path, -1, 0}, systemError{cause(err)}}
	}
	return imageFile{stampOf(name, path, info), checkFile(info)}
}

// files reads image files in any order.
type files struct {
	found []imageFile
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

func (f *files) weight(i int) int64 { return min(max(0, f.found[i].size), maxFile) } // larger files are skipped

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

// folder holds the images at any depth below a folder, sorted by path.
//
// Image files are recognized by extension (decode.HasImageExtension); names that begin with a dot are ignored, links are followed. If
// every image lies below a first-level sub-folder and there are at least two of these, their names are the classes.
type folder struct {
	files
	skipped []store.Skipped
}

func newFolder(ctx context.Context, root string, side int) *folder {
	w := walk{ctx: ctx, root: root, seen: map[string]bool{}}
	w.run()
	slices.SortFunc(w.found, func(a, b imageFile) int { return strings.Compare(a.name, b.name) })
	return &folder{files{w.found, side}, w.skipped}
}

// stamps includes the sub-folders that could not be read, so that the key changes once they can be.
func (f *folder) stamps() []stamp {
	out := f.files.stamps()
	for _, b := range f.skipped {
		out = append(out, stamp{name: b.Name, size: -1})
	}
	return out
}

func (f *folder) list(context.Context) (*listing, error) {
	l := &listing{n: len(f.found), names: f.names(), weight: f.weight, skipped: f.skipped}
	l.classes, l.labels = classFolders(l.names)
	return l, nil
}

// walk collects the image files below root, named by slash paths relative to it, and the folders that could not be read.
type walk struct {
	ctx     context.Context
	root    string
	found   []imageFile
	skipped []store.Skipped
	seen    map[string]bool // folders by path without links
	links   []string        // to folders, not followed yet
}

func (w *walk) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

func (w *walk) skip(name string, err error) {
	w.skipped = append(w.skipped, store.Skipped{Name: name, Reason: oneLine(cause(err).Error())})
}

// run walks the whole tree. It visits each folder once, by its own path if that lies below root, so that links cause neither cycles nor
// duplicates.
func (w *walk) run() {
	w.visit("")
	for len(w.links) > 0 {
		name := w.links[0]
		w.links = w.links[1:]
		w.visit(name)
	}
}

// visit walks a folder below root and queues links to folders.
func (w *walk) visit(below string) {
	real, err := filepath.EvalSymlinks(w.path(below))
	if err != nil {
		w.skip(below, err)
		return
	}
	if w.seen[real] || w.ctx.Err() != nil { // Open returns the error of ctx
		return
	}
	w.seen[real] = true
	entries, err := os.ReadDir(real)
	if err != nil {
		w.skip(below, err)
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
			w.found = append(w.found, newImageFile(name, w.path(name)))
		}
	}
}
