package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk/filesys"
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
	if r.lock != nil {
		return nil
	}
	path := filepath.Join(r.Dir, lockFile)
	f, err := filesys.Lock(path)
	switch {
	case errors.Is(err, filesys.ErrNoLocks):
		r.Notice("the folder cannot be locked (%v): start no other run in it", err)
	case err != nil:
		return fmt.Errorf("run: %s: %w: choose a folder that can be written to", r.Dir, err)
	case f == nil:
		text, _ := net.ReadFile(path, 20) // without it, the process is unknown
		process, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return &BusyError{r.Dir, process}
	}
	r.lock = f
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// Training reports whether a process trains in a folder. If none does but a killed one left its lock, it holds the lock for an instant.
func Training(dir string) (bool, error) {
	return filesys.Locked(filepath.Join(dir, lockFile))
}

// release ends the lock of the folder.
func (r *Run) release() {
	if r.lock != nil {
		os.Remove(r.lock.Name()) // before the lock ends: afterwards the file may be that of another process
		r.lock.Close()
		r.lock = nil
	}
}
