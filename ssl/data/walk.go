package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/marr-ssl/marr/ssl/data/decode"
	"github.com/marr-ssl/marr/ssl/data/store"
	"github.com/marr-ssl/marr/vk/filesys"
)

// walk collects the image files below root, named by slash paths relative to it, and the folders that could not be read.
//
// It visits each folder once, by its own path if that lies below root. A link to a folder is followed unless that folder was visited, or
// contains root: such links lead round, and would make a set of everything on the disk.
type walk struct {
	ctx     context.Context
	root    string
	found   []imageFile
	skipped []store.Skipped
	ignored ignored
	visited map[filesys.ID]string // names by which folders were visited
	above   map[filesys.ID]bool   // folders that contain root
	links   []string              // to folders, not followed yet
	follows int                   // links to folders that were followed
}

func (w *walk) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

func (w *walk) skip(name string, err error) {
	w.skipped = append(w.skipped, store.Skipped{Name: name, Reason: oneLine(cause(err).Error())})
}

// run walks the whole tree.
func (w *walk) run() {
	w.visited, w.above = map[filesys.ID]string{}, map[filesys.ID]bool{}
	if real, err := filepath.EvalSymlinks(w.root); err == nil {
		if real, err = filepath.Abs(real); err == nil {
			for real != filepath.Dir(real) {
				real = filepath.Dir(real)
				if id, err := filesys.Identify(real); err == nil {
					w.above[id] = true
				}
			}
		}
	}
	w.visit("")
	for len(w.links) > 0 {
		name := w.links[0]
		w.links = w.links[1:]
		if w.visit(name) {
			w.follows++
		}
	}
}

// visit walks a folder below root and queues links to folders. It reports whether it could.
func (w *walk) visit(below string) bool {
	if w.ctx.Err() != nil { // Open returns the error of ctx
		return false
	}
	id, err := filesys.Identify(w.path(below))
	if err != nil {
		w.skip(below, err)
		return false
	}
	if first, is := w.visited[id]; is {
		w.skip(below, fmt.Errorf("a link to the folder %s, which is read already", w.path(first)))
		return false
	}
	if w.above[id] {
		w.skip(below, errors.New("a link to a folder that contains the set: it is not followed"))
		return false
	}
	w.visited[id] = below
	entries, err := os.ReadDir(w.path(below))
	if err != nil {
		w.skip(below, err)
		return false
	}
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return false
		}
		if name := path.Join(below, e.Name()); !w.ignored.hides(name) {
			w.entry(name, e)
		}
	}
	return true
}

// entry adds one entry of a folder.
func (w *walk) entry(name string, e fs.DirEntry) {
	if e.IsDir() {
		w.visit(name)
		return
	}
	if e.Type()&(fs.ModeSymlink|fs.ModeIrregular) != 0 { // irregular is a junction of Windows
		if target, err := os.Stat(w.path(name)); err == nil && target.IsDir() {
			w.links = append(w.links, name)
			return
		}
	}
	if decode.HasImageExtension(name) || !decode.HasExtension(name) && startsAsImage(w.path(name)) {
		w.found = append(w.found, newImageFile(name, w.path(name)))
		return
	}
	w.ignored.add(name)
}

// startsAsImage reports whether a regular file begins as an image.
func startsAsImage(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return decode.IsImage(headOf(f))
}
