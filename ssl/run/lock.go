package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"marr/ssl/filelock"
)

// lockFile is locked while a process trains in its folder, and holds the number of the process. A process that was killed leaves an unlocked one.
const lockFile = "lock"

// BusyError reports that another process trains in a folder.
type BusyError struct {
	Dir     string
	Process int // 0: unknown
}

func (e *BusyError) Error() string {
	who := "another process"
	if e.Process != 0 {
		who = fmt.Sprintf("process %d", e.Process)
	}
	return fmt.Sprintf("run: %s: %s is training in this folder: wait for its end, or choose another folder", e.Dir, who)
}

// acquire locks an existing folder until release, unless it is locked already. The error is a *BusyError if another process trains in it.
func (r *Run) acquire() error {
	for r.lock == nil {
		f, err := os.OpenFile(filepath.Join(r.Dir, lockFile), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return fmt.Errorf("run: %s: %w: choose a folder that can be written to", r.Dir, err)
		}
		locked, err := filelock.Try(f)
		switch {
		case err != nil: // some network file systems have no locks
			r.Notice("the folder cannot be locked (%v): start no other run in it", err)
		case !locked:
			text, _ := io.ReadAll(io.LimitReader(f, 20)) // without it, the process is unknown
			process, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			return errors.Join(&BusyError{r.Dir, process}, f.Close())
		}
		held, err := f.Stat()
		if named, _ := os.Stat(f.Name()); err == nil && named != nil && os.SameFile(held, named) {
			r.lock = f
			return errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintln(os.Getpid())))
		}
		f.Close() // the process that held the lock has removed the file
	}
	return nil
}

// Training reports whether a process trains in a folder. If none does but a killed one left its lock, it holds the lock for an instant.
func Training(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	free, err := filelock.Try(f)
	return err == nil && !free, errors.Join(err, f.Close())
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// release ends the lock of the folder.
func (r *Run) release() {
	if r.lock != nil {
		os.Remove(r.lock.Name()) // before the lock ends: afterwards the file may be that of another process
		r.lock.Close()
		r.lock = nil
	}
}
