// Package filesys holds what differs between systems in how files behave, for Linux, macOS, the BSDs and Windows: locks, replacement, memory maps,
// identity and full disks.
package filesys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrNoLocks is wrapped by an error of Lock that comes from a file system without locks, as some network file systems are.
var ErrNoLocks = errors.New("the file system has no locks")

// lockPoll is the time between attempts to take a lock that another holds.
const lockPoll = 200 * time.Millisecond

// Lock opens or creates the file at path, for reading and writing, and locks it against other processes and other calls of Lock until the file is closed. The
// system releases the lock when the process ends, however it ends. It returns nil if another holds the lock. On every system others may read, rename and
// remove a locked file. If the error wraps ErrNoLocks, the file is open all the same.
func Lock(path string) (*os.File, error) {
	for {
		f, err := openShared(path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, err
		}
		if locked, err := tryLock(f); err != nil {
			return f, fmt.Errorf("%w: %w", ErrNoLocks, err)
		} else if !locked {
			return nil, f.Close()
		}
		held, err := f.Stat()
		if named, _ := os.Stat(path); err == nil && named != nil && os.SameFile(held, named) {
			return f, nil
		}
		f.Close() // whoever held the lock has renamed or removed the file
	}
}

// WaitLock is Lock that waits for the lock. If another holds it, it calls waiting once. A file system without locks is an error.
func WaitLock(ctx context.Context, path string, waiting func()) (*os.File, error) {
	for called := false; ; called = true {
		f, err := Lock(path)
		if err != nil && f != nil {
			f.Close()
			return nil, err
		}
		if f != nil || err != nil {
			return f, err
		}
		if !called {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// Locked reports whether another holds the lock of a file. If none does, Locked holds it for an instant. There is no lock without a file.
func Locked(path string) (bool, error) {
	f, err := openShared(path, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	free, err := tryLock(f)
	return err == nil && !free, errors.Join(err, f.Close())
}
