package net

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrNotRegular is the cause of an error of OpenRegular and ReadFile: the path names a folder, a named pipe, a socket or a device.
var ErrNotRegular = errors.New("not a regular file")

// OpenRegular opens the regular file at path for reading. A pipe or a device is an error before it is opened: to open a pipe waits for a
// writer, and a device may never end. Errors are *fs.PathError, so that they name the path; they wrap ErrNotRegular, or the system's error.
func OpenRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	return os.Open(path)
}

// ReadFile returns the content of the regular file at path, which may have at most the given number of bytes. It holds no more than that
// in memory, whatever the file's size. Errors are those of OpenRegular; a longer file is one too.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	long := func(n int64) error {
		return &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%d bytes: more than %d", n, most)}
	}
	if info.Size() > most {
		return nil, long(info.Size())
	}
	b := make([]byte, 0, info.Size()+1)
	for r := io.LimitReader(f, most+1); ; { // the file may grow, and files of /proc have no size
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > most:
			return nil, long(int64(len(b)))
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}
