//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package data

import (
	"io/fs"
	"path/filepath"
)

// folderID identifies a folder by its path without links.
type folderID struct{ path string }

func idOf(path string, _ fs.FileInfo) folderID {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return folderID{path}
}
