// The few MPI functions that this package needs, out of a library that is opened at run time, for the ABIs of Open MPI and of MPICH.
#include <stdint.h>

// marr_message is a nonblocking message between this rank and a peer.
typedef struct {
	uint64_t request; // an MPI_Request: a pointer in Open MPI, an int in MPICH
	int peer, receive;
	int pending;
	int length; // bytes
	int count;  // bytes that came
} marr_message;

// Results of marr_mpi_wait. Other functions return an error code of MPI, 0 for success.
enum { MARR_DONE, MARR_LATER, MARR_FAILED };

const char *marr_mpi_open(const char *path, const char **missing);
int marr_mpi_is_openmpi(void);
int marr_mpi_init(int *rank, int *size);
int marr_mpi_finalize(void);
void marr_mpi_version(char *text, int size);
void marr_mpi_error(int code, char *text, int size);
int marr_mpi_truncated(int code);
int marr_mpi_start(marr_message *m, void *p, int tag);
int marr_mpi_test(marr_message *m);
int marr_mpi_progress(int rank);
int marr_mpi_wait(marr_message *m, int n, int *next, int64_t started, int64_t limit, int *code);
int64_t marr_mpi_clock(void);
