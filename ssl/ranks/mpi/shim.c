//go:build cgo && !windows

#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shim.h"

#define FUNCTIONS(X) \
	X(Init_thread) X(Finalize) X(Get_library_version) X(Error_string) X(Error_class) X(Comm_set_errhandler) X(Comm_rank) X(Comm_size) \
	X(Isend) X(Irecv) X(Test) X(Iprobe) X(Get_count)

static struct {
#define FIELD(name) void *name;
	FUNCTIONS(FIELD)
	void *world, *bytes, *errors_return; // Open MPI's handles are addresses of its variables
	int (*get_world)(int *, int *), (*start)(marr_message *, void *, int), (*test)(marr_message *), (*progress)(int);
	int openmpi;   // the ABI of Open MPI, else that of MPICH
	int truncated; // class of the error that a message is longer than its buffer
} mpi;

#define ABI(name) openmpi_##name
#define HANDLE void *
#define WORLD mpi.world
#define BYTES mpi.bytes
#define ERRORS_RETURN mpi.errors_return
#include "abi.h"

#define ABI(name) mpich_##name
#define HANDLE int
#define WORLD 0x44000000
#define BYTES 0x4c00010d
#define ERRORS_RETURN 0x54000001
#include "abi.h"

#define MAX_SIGNAL 64
static struct sigaction handlers[MAX_SIGNAL + 1];

static void save_handlers(void) {
	for (int s = 1; s <= MAX_SIGNAL; s++)
		if (sigaction(s, NULL, &handlers[s])) memset(&handlers[s], 0, sizeof handlers[s]);
}

// restore_handlers gives Go its signals back. A library may have installed handlers of its own, most of them without SA_ONSTACK, which end a Go
// program. It keeps those of real-time signals, which it may need, but on the signal stack.
static void restore_handlers(void) {
	for (int s = 1; s <= MAX_SIGNAL; s++) {
		struct sigaction now;
		if (sigaction(s, NULL, &now) || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) continue;
		if (s < 32 && now.sa_handler != handlers[s].sa_handler) {
			sigaction(s, &handlers[s], NULL);
		} else if (!(now.sa_flags & SA_ONSTACK)) {
			now.sa_flags |= SA_ONSTACK;
			sigaction(s, &now, NULL);
		}
	}
}

// marr_mpi_open opens the library at path. It returns NULL, or the reason why not. If the library lacks a function, *missing is its name.
const char *marr_mpi_open(const char *path, const char **missing) {
	*missing = NULL;
	save_handlers();
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	restore_handlers();
	if (!lib) return dlerror();
#define LOAD(name) \
	if (!(mpi.name = dlsym(lib, "MPI_" #name))) return *missing = "MPI_" #name;
	FUNCTIONS(LOAD)
	mpi.world = dlsym(lib, "ompi_mpi_comm_world");
	mpi.bytes = dlsym(lib, "ompi_mpi_byte");
	mpi.errors_return = dlsym(lib, "ompi_mpi_errors_return");
	mpi.openmpi = mpi.world && mpi.bytes && mpi.errors_return;
	mpi.get_world = mpi.openmpi ? openmpi_world : mpich_world;
	mpi.start = mpi.openmpi ? openmpi_start : mpich_start;
	mpi.test = mpi.openmpi ? openmpi_test : mpich_test;
	mpi.progress = mpi.openmpi ? openmpi_progress : mpich_progress;
	mpi.truncated = mpi.openmpi ? 15 : 14;
	return NULL;
}

int marr_mpi_is_openmpi(void) { return mpi.openmpi; }

// marr_mpi_init starts MPI. The thread that calls it must be the one that calls all functions after it.
int marr_mpi_init(int *rank, int *size) {
	int funneled = 1, provided;
	save_handlers();
	int e = ((int (*)(int *, char ***, int, int *))mpi.Init_thread)(NULL, NULL, funneled, &provided);
	restore_handlers();
	return e ? e : mpi.get_world(rank, size);
}

int marr_mpi_finalize(void) { return ((int (*)(void))mpi.Finalize)(); }

void marr_mpi_version(char *text, int size) {
	char buffer[8192] = "";
	int n;
	((int (*)(char *, int *))mpi.Get_library_version)(buffer, &n);
	buffer[strcspn(buffer, "\n,")] = 0;
	snprintf(text, (size_t)size, "%s", buffer);
}

void marr_mpi_error(int code, char *text, int size) {
	char buffer[1024] = "";
	int n;
	((int (*)(int, char *, int *))mpi.Error_string)(code, buffer, &n);
	snprintf(text, (size_t)size, "%s", buffer);
}

int marr_mpi_truncated(int code) {
	int class = 0;
	((int (*)(int, int *))mpi.Error_class)(code, &class);
	return class == mpi.truncated;
}

int marr_mpi_start(marr_message *m, void *p, int tag) { return mpi.start(m, p, tag); }

// marr_mpi_test completes a message if it can.
int marr_mpi_test(marr_message *m) { return mpi.test(m); }

// marr_mpi_progress lets the library work on messages that are under way.
int marr_mpi_progress(int rank) { return mpi.progress(rank); }

// marr_mpi_clock returns nanoseconds.
int64_t marr_mpi_clock(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// marr_mpi_wait completes messages in their order, from *next to n, for at most limit nanoseconds. It polls, since MPI has no wait that ends. At
// first it only yields the core; later it sleeps for 1/200 of the time since started, at most 1 ms. If a message fails, *next is its index and
// *code the error.
int marr_mpi_wait(marr_message *m, int n, int *next, int64_t started, int64_t limit, int *code) {
	int64_t begin = marr_mpi_clock();
	for (; *next < n; ++*next) {
		for (marr_message *x = &m[*next]; x->pending;) {
			if ((*code = mpi.test(x))) return MARR_FAILED;
			if (!x->pending) break;
			int64_t now = marr_mpi_clock(), pause = (now - started) / 200;
			if (now - begin > limit) return MARR_LATER;
			if (pause < 10000) {
				sched_yield();
				continue;
			}
			struct timespec t = {.tv_nsec = pause > 1000000 ? 1000000 : (long)pause};
			nanosleep(&t, NULL);
		}
	}
	return MARR_DONE;
}
