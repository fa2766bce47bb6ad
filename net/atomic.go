package net

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// WriteFileAtomic replaces the file at path by the bytes that write produces: after a crash at any moment path holds either all of the old
// bytes or all of the new ones. It writes path + ".tmp", syncs it, renames it over path and syncs the folder. The temporary name is fixed, so
// a killed process leaves at most one such file, which the next write replaces. A path may have only one writer at a time.
// An error of write, or of the file system, leaves path as it was and no temporary file.
func WriteFileAtomic(path string, write func(io.Writer) error) (err error) {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("net: write %s: %w", path, err)
	}
	renamed := false
	defer func() { // also on a panic in write
		if !renamed {
			f.Close()
			os.Remove(temp)
		}
	}()
	buf := bufio.NewWriterSize(f, 1<<20)
	if err := write(buf); err != nil {
		return fmt.Errorf("net: write %s: %w", path, err)
	}
	for _, step := range []func() error{buf.Flush, f.Sync, f.Close, func() error { return os.Rename(temp, path) }} {
		if err := step(); err != nil {
			return fmt.Errorf("net: write %s: %w", path, err)
		}
	}
	renamed = true
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("net: write %s: %w", path, err)
	}
	return nil
}

// syncFolder makes a rename in the folder durable. File systems that cannot sync a folder return EINVAL or ENOTSUP, which
// are ignored.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
