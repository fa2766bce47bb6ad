package mpi

import (
	"fmt"
	"os"
	"strconv"
)

// LibraryEnv is the environment variable with the path of the MPI library. If it is set, Open tries no other.
const LibraryEnv = "MARR_MPI"

// Launch is this process's place in a run that a launcher such as mpirun or srun started.
type Launch struct {
	Launcher  string // "mpirun of Open MPI", …
	Rank      int
	Size      int
	LocalRank int // among the ranks of this machine: chooses the device
	PMI       PMI // of srun; "" for mpirun
}

// PMI is how srun connects ranks to each other, chosen with --mpi.
type PMI string

const (
	PMIx PMI = "pmix" // for Open MPI
	PMI2 PMI = "pmi2" // for MPICH, Intel MPI and MVAPICH
)

// launchers lists the environment variables of launchers. mpirun may run inside a job of Slurm, so srun comes last. A batch script of Slurm has
// SLURM_NTASKS and SLURM_PROCID too; only srun sets SLURM_STEP_NUM_TASKS.
var launchers = []struct{ name, rank, size, localRank string }{
	{"mpirun of Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
	{"mpirun of MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
	{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
}

// Launched reports whether a launcher started this process as one of several ranks. It needs no MPI library. Programs that a rank starts inherit
// the environment and so look launched too.
func Launched() (Launch, bool) {
	for _, l := range launchers {
		rank, err1 := strconv.Atoi(os.Getenv(l.rank))
		size, err2 := strconv.Atoi(os.Getenv(l.size))
		if err1 != nil || err2 != nil {
			continue
		}
		launch := Launch{Launcher: l.name, Rank: rank, Size: size}
		local, err := strconv.Atoi(os.Getenv(l.localRank))
		if err != nil && l.rank == "PMI_RANK" { // srun sets the variables of PMI, but no local rank of MPICH
			if local, err = strconv.Atoi(os.Getenv("SLURM_LOCALID")); err == nil {
				launch.Launcher, launch.PMI = "srun", PMI2
			}
		}
		if l.name == "srun" && os.Getenv("PMIX_RANK") != "" {
			launch.PMI = PMIx
		}
		launch.LocalRank = max(local, 0)
		return launch, size > 1
	}
	return Launch{}, false
}

// SetupError is an error of Open that all ranks of a machine have: its library, launcher and environment do not fit together.
type SetupError struct{ text string }

func (e *SetupError) Error() string { return e.text }

// failed returns a *SetupError of a rank.
func (l Launch) failed(format string, args ...any) error {
	return &SetupError{fmt.Sprintf("mpi: %s started rank %d of %d on host %s, but ", l.Launcher, l.Rank, l.Size, hostname()) + fmt.Sprintf(format, args...)}
}

// remedy returns what makes launcher and library fit together.
func (l Launch) remedy() string {
	text := "set " + LibraryEnv + " to the path of the launcher's libmpi"
	switch l.PMI {
	case PMIx:
		return text + ", or use srun --mpi=pmi2 with MPICH"
	case PMI2:
		return text + ", or use srun --mpi=pmix with Open MPI"
	}
	return text
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}
