//go:build cgo && !windows

package mpi

/*
#cgo linux LDFLAGS: -ldl
#cgo CFLAGS: -O2
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/marr-ssl/marr/ssl/ranks"
)

// slurmPMIEnv is the variable with the path of Slurm's libpmi for Intel MPI, a member of MPICH's family, which then needs no --mpi of srun.
const slurmPMIEnv = "I_MPI_PMI_LIBRARY"

// needsMPICH reports whether the connection of srun is one that Open MPI cannot use: it would end the process, with a wrong reason.
func (l Launch) needsMPICH() bool {
	return l.PMI == PMI2 || l.Launcher == "srun" && l.PMI == "" && os.Getenv(slurmPMIEnv) != ""
}

// opened is set by the first Open: MPI can be started once per process.
var opened sync.Once

// Open opens the MPI library that belongs to the launcher and connects this process with the other ranks. All ranks must call it, once. It returns
// a *SetupError if there is no library, or if it is not the launcher's, and another error if no launcher started this process.
func Open() (ranks.Comm, error) {
	launch, ok := Launched()
	if !ok {
		return nil, fmt.Errorf("mpi: no launcher started this process as one of several ranks: start it with mpirun or srun")
	}
	err := fmt.Errorf("mpi: Open was called before: MPI can be started once per process")
	var c *comm
	opened.Do(func() { c, err = start(launch) })
	if err != nil {
		return nil, err
	}
	hosts, err := ranks.Gather(c, []byte(hostname()))
	if err != nil {
		return nil, err
	}
	for i, h := range hosts {
		c.e.peers[i].host = string(h)
	}
	return c, nil
}

// start starts the thread that makes all calls of MPI.
func start(launch Launch) (*comm, error) {
	c := &comm{e: &engine{calls: make(chan call), aborts: make(chan error, 1), parted: make(chan struct{}), ended: make(chan struct{})}}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := initialize(c.e, launch)
		result <- err
		if err == nil {
			c.e.run()
		}
	}()
	if err := <-result; err != nil {
		return nil, err
	}
	return c, nil
}

func initialize(e *engine, launch Launch) error {
	// Caches of registered memory see what is released through libc alone. Go's runtime makes its own system calls, so they would become stale.
	for name, value := range map[string]string{"OMPI_MCA_mpi_leave_pinned": "0", "UCX_MEM_EVENTS": "n", "FI_MR_CACHE_MONITOR": "disabled"} {
		if os.Getenv(name) == "" {
			os.Setenv(name, value)
		}
	}
	path, err := openLibrary(launch)
	if err != nil {
		return err
	}
	var rank, size C.int
	if code := C.marr_mpi_init(&rank, &size); code != 0 {
		return fmt.Errorf("mpi: %s: MPI_Init_thread: %s", path, errorText(code))
	}
	if int(size) != launch.Size || int(rank) != launch.Rank {
		version := make([]byte, 200)
		C.marr_mpi_version((*C.char)(unsafe.Pointer(&version[0])), C.int(len(version)))
		name := strings.Join(strings.Fields(C.GoString((*C.char)(unsafe.Pointer(&version[0])))), " ")
		return launch.failed("for %s (%s) this is rank %d of %d, so they do not belong together: %s", path, name, rank, size, launch.remedy())
	}
	e.prepare(int(rank), int(size))
	return nil
}

// openLibrary opens the first library that is present and fits the launcher, and returns its name.
func openLibrary(launch Launch) (string, error) {
	chosen := os.Getenv(LibraryEnv) != ""
	if launch.Launcher == "srun" && launch.PMI == "" && !chosen && !launch.needsMPICH() {
		return "", launch.failed("gave it no PMI, by which MPI connects the ranks: use srun --mpi=pmix with Open MPI, --mpi=pmi2 with MPICH (srun --mpi=list prints what Slurm has), "+
			"or set %s to the path of a library that finds the ranks by itself", LibraryEnv)
	}
	var reasons []string
	for _, path := range libraries(launch) {
		var missing *C.char
		name := C.CString(path)
		reason := C.marr_mpi_open(name, &missing)
		C.free(unsafe.Pointer(name))
		switch {
		case missing != nil:
			reasons = append(reasons, path+": it has no "+C.GoString(missing))
		case reason != nil:
			reasons = append(reasons, C.GoString(reason))
		case launch.needsMPICH() && !chosen && isOpenMPI():
			reasons = append(reasons, path+": Open MPI, which needs srun --mpi=pmix")
		default:
			return path, nil
		}
	}
	return "", launch.failed("no MPI library could be opened (%s): install the launcher's library, or %s", strings.Join(reasons, "; "), launch.remedy())
}

// isOpenMPI reports whether the library that was opened is Open MPI.
func isOpenMPI() bool { return C.marr_mpi_is_openmpi() != 0 }

// libraries returns the names to try, those of the launcher's family first.
func libraries(launch Launch) []string {
	if path := os.Getenv(LibraryEnv); path != "" {
		return []string{path}
	}
	openmpi, mpich, any, folders := "libmpi.so.40", []string{"libmpi.so.12", "libmpich.so.12"}, "libmpi.so", []string{""}
	if runtime.GOOS == "darwin" {
		openmpi, mpich, any = "libmpi.40.dylib", []string{"libmpi.12.dylib", "libpmpi.12.dylib"}, "libmpi.dylib"
		folders = []string{"", "/opt/homebrew/lib", "/usr/local/lib"}
	}
	names := append([]string{openmpi}, mpich...)
	switch {
	case launch.needsMPICH():
		names = mpich
	case launch.Launcher == "mpirun of MPICH":
		names = append(mpich, openmpi)
	}
	var paths []string
	for _, name := range append(names, any) {
		for _, folder := range folders {
			paths = append(paths, filepath.Join(folder, name))
		}
	}
	return paths
}

func errorText(code C.int) string {
	text := make([]byte, 1024)
	C.marr_mpi_error(code, (*C.char)(unsafe.Pointer(&text[0])), C.int(len(text)))
	return C.GoString((*C.char)(unsafe.Pointer(&text[0])))
}
