// What differs between the ABIs: the type and the values of handles. shim.c includes this file once for each, with HANDLE, WORLD, BYTES and
// ERRORS_RETURN defined, and ABI(name) as the function's name.

static int ABI(world)(int *rank, int *size) {
	int e = ((int (*)(HANDLE, HANDLE))mpi.Comm_set_errhandler)(WORLD, ERRORS_RETURN);
	if (!e) e = ((int (*)(HANDLE, int *))mpi.Comm_rank)(WORLD, rank);
	if (!e) e = ((int (*)(HANDLE, int *))mpi.Comm_size)(WORLD, size);
	return e;
}

static int ABI(start)(marr_message *m, void *p, int tag) {
	HANDLE request;
	int e = ((int (*)(void *, int, HANDLE, int, int, HANDLE, HANDLE *))(m->receive ? mpi.Irecv : mpi.Isend))(
		p, m->length, BYTES, m->peer, tag, WORLD, &request);
	m->pending = !e;
	memcpy(&m->request, &request, sizeof request);
	return e;
}

// The status is larger than that of any library: its fields are read by MPI_Get_count alone.
static int ABI(test)(marr_message *m) {
	HANDLE request;
	int64_t status[16];
	int done = 0;
	memcpy(&request, &m->request, sizeof request);
	int e = ((int (*)(HANDLE *, int *, void *))mpi.Test)(&request, &done, status);
	memcpy(&m->request, &request, sizeof request);
	if (e || done) m->pending = 0;
	if (!e && done && m->receive) e = ((int (*)(void *, HANDLE, int *))mpi.Get_count)(status, BYTES, &m->count);
	return e;
}

// A probe for a message from this rank, which sends itself none, lets the library work on those of others.
static int ABI(progress)(int rank) {
	int64_t status[16];
	int found;
	return ((int (*)(int, int, HANDLE, int *, void *))mpi.Iprobe)(rank, 0, WORLD, &found, status);
}

#undef ABI
#undef HANDLE
#undef WORLD
#undef BYTES
#undef ERRORS_RETURN
