package data

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/store"
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
		return decodeFile(file.name, file.path, f.side)
	}, nil
}

func (f *files) Close() error { return nil }

// folder holds the images at any depth below a folder, sorted by path.
//
// Image files are recognized by extension (decode.HasImageExtension), those without one by content; hidden names are ignored (ignored.hides),
// links are followed (walk). If every image lies below a first-level sub-folder and there are at least two of these, their names are the classes.
type folder struct {
	files
	skipped []store.Skipped
	ignored ignored
	links   int // to folders, that were followed
}

// openFolder opens a folder of images, or one of archives.
func openFolder(ctx context.Context, root string, side int) (source, error) {
	f := newFolder(ctx, root, side)
	if readable := f.ignored.readable(); len(f.found) == 0 && len(f.skipped) == 0 && len(f.ignored.sets) == 0 && len(readable) > 0 {
		return newArchives(ctx, root, readable, side)
	}
	return f, nil
}

func newFolder(ctx context.Context, root string, side int) *folder {
	w := walk{ctx: ctx, root: root}
	w.run()
	slices.SortFunc(w.found, func(a, b imageFile) int { return strings.Compare(a.name, b.name) })
	return &folder{files{w.found, side}, w.skipped, w.ignored, w.follows}
}

func (f *folder) notes() []string {
	switch f.links {
	case 0:
		return nil
	case 1:
		return []string{"a link in it leads to another folder, whose images belong to the set"}
	}
	return []string{fmt.Sprintf("%d links in it lead to other folders, whose images belong to the set", f.links)}
}

// stamps includes the sub-folders that could not be read or are left out, so that the key changes with them.
func (f *folder) stamps() []stamp {
	out := f.files.stamps()
	for _, b := range slices.Concat(f.skipped, f.ignored.skippedClutter()) {
		out = append(out, stamp{name: b.Name, size: -1})
	}
	return out
}

func (f *folder) list(context.Context) (*listing, error) {
	l := &listing{n: len(f.found), names: f.names(), weight: f.weight, skipped: f.skipped, ignored: f.ignored}
	l.classes, l.labels = classFolders(l.names)
	return l, nil
}
