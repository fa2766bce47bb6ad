package mpi

import (
	"os"
	"strconv"
)

// Launch is this process's place in a run that a launcher such as mpirun or srun started.
type Launch struct {
	Launcher  string // "mpirun of Open MPI", …
	Rank      int
	Size      int
	LocalRank int // among the ranks of this machine: chooses the device
}

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
		for _, name := range []string{l.localRank, "SLURM_LOCALID"} { // srun with PMI sets no local rank of MPICH
			if local, err := strconv.Atoi(os.Getenv(name)); err == nil {
				launch.LocalRank = local
				break
			}
		}
		return launch, size > 1
	}
	return Launch{}, false
}
