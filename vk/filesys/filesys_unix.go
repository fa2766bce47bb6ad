//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package filesys

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openShared opens a file that others may read, rename and remove.
func openShared(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o666) }

// tryLock locks a file, unless another open file description holds the lock.
func tryLock(f *os.File) (locked bool, err error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return err == nil, err
		}
	}
}

// patiently calls f, which no other process can hinder.
func patiently(f func() error) error { return f() }

// syncFolder makes a rename in a folder durable. Some file systems cannot sync a folder: EINVAL and ENOTSUP are ignored.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// Map maps the first size bytes of a file into memory, read-only, until Unmap. The file may be closed.
func Map(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

// Unmap ends a map. Its bytes must not be used afterwards.
func Unmap(b []byte) error { return unix.Munmap(b) }

// ID identifies a file or a folder, whatever the path to it.
type ID struct{ device, file uint64 }

// Identify returns the ID of what path leads to; it follows links.
func Identify(path string) (ID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return ID{}, err
	}
	s := info.Sys().(*syscall.Stat_t)
	return ID{uint64(s.Dev), uint64(s.Ino)}, nil
}

// IsFull reports whether an error says that a disk is full, or the user's share of it.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
