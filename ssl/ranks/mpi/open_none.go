//go:build !cgo || windows

package mpi

import (
	"errors"
	"runtime"

	"github.com/marr-ssl/marr/ssl/ranks"
)

// Open returns an error: this build has no MPI.
func Open() (ranks.Comm, error) {
	if runtime.GOOS == "windows" {
		return nil, errors.New("mpi: MPI is not supported on Windows: use several devices in one process, or Linux")
	}
	return nil, errors.New("mpi: this program was built without cgo: build it with CGO_ENABLED=1")
}
