package net

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/marr-ssl/marr/vk/filesys"
)

// WriteFileAtomic replaces the file at path by the bytes that write produces: after a crash at any moment path holds either all of the old
// bytes or all of the new ones. It writes path + ".tmp", syncs it and renames it over path (filesys.Replace). The temporary name is fixed, so
// a killed process leaves at most one such file, which the next write replaces. A path may have only one writer at a time.
// An error of write, or of the file system, leaves path as it was and no temporary file.
func WriteFileAtomic(path string, write func(io.Writer) error) (err error) {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("net: write %s: %w", path, err)
	}
	written := false
	defer func() { // also on a panic in write
		if !written {
			f.Close()
			os.Remove(temp)
		}
	}()
	buf := bufio.NewWriterSize(f, 1<<20)
	if err := write(buf); err != nil {
		return fmt.Errorf("net: write %s: %w", path, err)
	}
	for _, step := range []func() error{buf.Flush, f.Sync, f.Close, func() error { return filesys.Replace(temp, path) }} {
		if err := step(); err != nil {
			return fmt.Errorf("net: write %s: %w", path, err)
		}
	}
	written = true
	return nil
}
