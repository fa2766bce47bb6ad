package filesys

import (
	"os"
	"path/filepath"
)

// Replace renames a file over another, or to a new name in the same file system, and makes that durable: after a crash at any moment the new name has
// all of the old content or all of the new. The files must not be open in this process, but for a file of Lock. On Windows, where a file that another
// process reads cannot be replaced, Replace waits a few seconds for the reader.
func Replace(from, to string) error {
	if err := patiently(func() error { return os.Rename(from, to) }); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}
