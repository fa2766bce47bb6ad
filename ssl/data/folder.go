package data

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// openFolder reads every image at any depth below folder, stored as size×size pixels, sorted by path.
//
// Files count by extension (.png, .jpg, .jpeg, in any case); names that begin with a dot are passed over, links are followed. Where
// every image lies below a first-level sub-folder and there are at least two of these, their sorted names are the classes. C is 1 when
// every readable image is gray (see readImage), otherwise 3, gray ones then repeated in three channels. What cannot be read is listed in
// Bad; a class whose every image is bad keeps its label, so damage does not renumber the others.
func openFolder(folder string, size int) (*Set, error) {
	s := &Set{Name: folder, H: size, W: size}
	w := walk{root: folder}
	w.visit("", nil)
	slices.Sort(w.files)
	s.Bad = w.bad
	if len(w.files) == 0 && len(w.bad) > 0 {
		return nil, fmt.Errorf("data: folder %s: %s: %s: make it readable", folder, w.bad[0].Path, w.bad[0].Reason)
	}
	if len(w.files) == 0 {
		return nil, fmt.Errorf("data: folder %s: no images: expected .png, .jpg or .jpeg files below it", folder)
	}
	decoded := make([]square, len(w.files))
	reasons := make([]error, len(w.files))
	each(len(w.files), func(i int) {
		decoded[i], reasons[i] = readImage(w.path(w.files[i]), size)
	})
	for i, err := range reasons {
		if err != nil {
			s.Bad = append(s.Bad, BadFile{w.path(w.files[i]), oneLine(cause(err).Error())})
		}
	}
	slices.SortFunc(s.Bad, func(a, b BadFile) int { return strings.Compare(a.Path, b.Path) })
	classes, labels := classFolders(w.files)
	s.Classes = classes
	s.gather(decoded, w.files, labels)
	if len(s.Files) == 0 {
		return nil, fmt.Errorf("data: folder %s: none of its %d images can be read: first %s: %s: give intact PNG or JPEG files",
			folder, len(w.files), s.Bad[0].Path, s.Bad[0].Reason)
	}
	return s, nil
}

// gather fills channels, pixels, labels and file names from the images that were read; labels may be nil.
func (s *Set) gather(decoded []square, files []string, labels []int32) {
	s.C = 1
	count := 0
	for _, d := range decoded {
		if d.pixels == nil {
			continue
		}
		count++
		if d.channels == 3 {
			s.C = 3
		}
	}
	s.Pixels = make([]byte, 0, count*s.H*s.W*s.C)
	for i, d := range decoded {
		if d.pixels == nil {
			continue
		}
		if d.channels == s.C {
			s.Pixels = append(s.Pixels, d.pixels...)
		} else {
			for _, v := range d.pixels {
				s.Pixels = append(s.Pixels, v, v, v)
			}
		}
		decoded[i].pixels = nil // so that a large set does not stand in memory twice
		s.Files = append(s.Files, files[i])
		if labels != nil {
			s.Labels = append(s.Labels, labels[i])
		}
	}
}

// classFolders returns the first-level folders of files (slash paths) as sorted class names with each file's label, or nil, nil where
// a file lies in none or all lie in one.
func classFolders(files []string) (classes []string, labels []int32) {
	for _, f := range files {
		class, _, below := strings.Cut(f, "/")
		if !below {
			return nil, nil
		}
		classes = append(classes, class)
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) < 2 {
		return nil, nil
	}
	for _, f := range files {
		class, _, _ := strings.Cut(f, "/")
		at, _ := slices.BinarySearch(classes, class)
		labels = append(labels, int32(at))
	}
	return classes, labels
}

// walk collects the image files below root as slash paths relative to it, and the folders that could not be read.
type walk struct {
	root  string
	files []string
	bad   []BadFile
}

// path returns the path of a collected file.
func (w *walk) path(file string) string { return filepath.Join(w.root, filepath.FromSlash(file)) }

// visit walks the folder below root; above are the folders that lead to it, so that links cannot make it go in circles.
func (w *walk) visit(below string, above []os.FileInfo) {
	full := w.path(below)
	self, err := os.Stat(full)
	if err != nil {
		w.bad = append(w.bad, BadFile{full, oneLine(cause(err).Error())})
		return
	}
	if slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, self) }) {
		return
	}
	entries, err := os.ReadDir(full)
	if err != nil {
		w.bad = append(w.bad, BadFile{full, oneLine(cause(err).Error())})
		return
	}
	above = append(above[:len(above):len(above)], self)
	for _, e := range entries {
		name := path.Join(below, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		dir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := os.Stat(w.path(name))
			dir = err == nil && target.IsDir() // a broken link to an image is found when it is read
		}
		if dir {
			w.visit(name, above)
		} else if isImage(e.Name()) {
			w.files = append(w.files, name)
		}
	}
}

// isImage says whether a file is one by its extension.
func isImage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
}

// oneLine keeps a reason on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
