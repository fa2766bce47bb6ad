// Declarations for kernels whose lanes share rows. A work group has gl_WorkGroupSize = (lanes of a row, rows) invocations, at most 128, by
// kernels/rowgroup.go. rowSum contains a barrier: all lanes must call it, also those of rows behind the last one.
layout(local_size_x = 8, local_size_y = 16, local_size_x_id = 0, local_size_y_id = 1) in;
#define LANES gl_WorkGroupSize.x
#define LANE gl_LocalInvocationID.x
#define ROW (GROUP * gl_WorkGroupSize.y + gl_LocalInvocationID.y)
shared vec2 shares[256];

// share passes v to the other lanes of the row and returns the index of the first lane's share. Every call in a shader has a slot of its own, 0 or 1,
// so that one barrier is enough.
uint share(uint slot, vec2 v) {
	uint first = slot * 128u + gl_LocalInvocationID.y * LANES;
	shares[first + LANE] = v;
	barrier();
	return first;
}

// rowSum returns the sum of v over the lanes of a row, in a fixed order, to all of them. LANES is a multiple of 4.
vec2 rowSum(uint slot, vec2 v) {
	uint first = share(slot, v);
	v = vec2(0);
	for (uint l = first; l < first + LANES; l += 4u) v += (shares[l] + shares[l + 1u]) + (shares[l + 2u] + shares[l + 3u]);
	return v;
}
