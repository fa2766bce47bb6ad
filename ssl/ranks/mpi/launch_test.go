package mpi

import (
	"os"
	"strings"
	"testing"
)

func TestLaunchedReadsTheVariablesOfLaunchers(t *testing.T) {
	unset := []string{"PMIX_RANK"}
	for _, l := range launchers {
		unset = append(unset, l.rank, l.size, l.localRank)
	}
	for _, name := range unset {
		t.Setenv(name, "") // restores it
		os.Unsetenv(name)
	}
	if l, ok := Launched(); ok {
		t.Errorf("launched without variables: %+v", l)
	}
	for _, test := range []struct {
		env  string
		want Launch
		ok   bool
	}{
		{"OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1", Launch{"mpirun of Open MPI", 3, 4, 1, ""}, true},
		{"OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", Launch{"mpirun of Open MPI", 0, 1, 0, ""}, false},
		{"PMI_SIZE=2 PMI_RANK=1 MPI_LOCALRANKID=1", Launch{"mpirun of MPICH", 1, 2, 1, ""}, true},
		{"PMI_SIZE=2 PMI_RANK=1", Launch{"mpirun of MPICH", 1, 2, 0, ""}, true},
		{"PMI_SIZE=4 PMI_RANK=3 MPI_LOCALRANKID=1 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1 SLURM_LOCALID=0", Launch{"mpirun of MPICH", 3, 4, 1, ""}, true}, // in a job
		{"PMI_SIZE=8 PMI_RANK=5 SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=5 SLURM_LOCALID=2", Launch{"srun", 5, 8, 2, PMI2}, true},
		{"SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7 SLURM_LOCALID=3 PMIX_RANK=7", Launch{"srun", 7, 8, 3, PMIx}, true},
		{"SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7 SLURM_LOCALID=3", Launch{"srun", 7, 8, 3, ""}, true},
		{"SLURM_NTASKS=8 SLURM_PROCID=0 SLURM_LOCALID=0", Launch{}, false}, // a batch script
	} {
		t.Run(test.env, func(t *testing.T) {
			for _, v := range strings.Fields(test.env) {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			if l, ok := Launched(); l != test.want || ok != test.ok {
				t.Errorf("%+v %v, want %+v %v", l, ok, test.want, test.ok)
			}
			if _, err := Open(); !test.ok && err == nil {
				t.Error("Open has no error")
			}
		})
	}
}
