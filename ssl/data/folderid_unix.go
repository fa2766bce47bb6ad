//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package data

import (
	"io/fs"
	"syscall"
)

// folderID identifies a folder whatever the path to it, by device and inode.
type folderID struct{ dev, ino uint64 }

func idOf(_ string, info fs.FileInfo) folderID {
	s := info.Sys().(*syscall.Stat_t)
	return folderID{uint64(s.Dev), uint64(s.Ino)}
}
