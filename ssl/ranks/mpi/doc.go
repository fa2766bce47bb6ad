// Package mpi connects the ranks of a run that mpirun or srun started, as a ranks.Comm.
//
// The MPI library is opened at run time, so a program with this package builds and runs without one. Both ABIs are known: that of Open MPI
// (libmpi.so.40), and that of MPICH, Intel MPI and MVAPICH (libmpi.so.12). These have run the tests, on x86-64 Linux:
//
//	Open MPI 4.1.4 (Debian 12)    make check
//	Open MPI 5.0.7 (Debian 13)    by hand, in a chroot
//	MPICH 4.0.2 (Debian 12)       by hand: MARR_MPIRUN=/path/to/mpiexec.hydra go test ./ssl/ranks/mpi
//
// All three also ran over TCP between two network namespaces. There MPICH hung in MPI_Finalize in about 1 of 15 runs, which Close ends after
// 5 seconds: the run is complete then, but mpiexec reports a failure.
//
// srun of Slurm 22.05.8 (Debian 12) ran marr pretrain by hand, on one machine: --mpi=pmix with Open MPI 4.1.4, --mpi=pmi2 with MPICH 4.0.2. mpirun
// of both also ran in a job. Debian's Open MPI cannot connect by --mpi=pmi2, nor without --mpi, and MPICH not by --mpi=pmix: Open refuses both.
//
// MARR_MPI is the path of another library. Windows and builds without cgo have no MPI: Open returns an error. macOS is built, not run.
//
// # Threads and signals
//
// One locked thread makes all calls of MPI. Libraries, above all UCX, install handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGHUP that do not
// run on the signal stack, and the first such signal would end a Go program. Open gives Go its handlers back. It also turns off caches of
// registered memory, because the libraries do not see what Go's runtime unmaps, unless the environment has set them.
//
// # Lost ranks
//
// Each rank sends a sign of life to all others every second, also while the program computes. A rank that has been silent for 20 seconds is a
// ranks.LostError on all others. A rank that calls Abort ends the others at once. If a process dies, mpirun ends the others and says which one. If
// the network is cut, mpirun itself waits for its daemons long after the ranks have ended: with Open MPI 4,
// --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_probes 3 ends it within seconds.
//
// # Processor cores
//
// mpirun binds each of 2 ranks to one core by default, with all its threads: start it with --bind-to none.
package mpi
