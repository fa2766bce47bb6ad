// Sums over the rows of a tile for batch norm: invocations of the same columns add theirs in shared memory, in a fixed order.
layout(binding = 4) writeonly buffer Part { vec4 part[]; };
#define COLUMNS (BM / TM) // invocations above each other

// asStored rounds v to halves. Mesa 25.0.7's llvmpipe leaves out a conversion and its inverse that follow each other: the zero between them, which
// compilers cannot know (rows are below 2³¹), keeps both.
vec4 asStored(vec4 v) { return unpackHalves(packHalves(v) ^ uvec2(p.rows >> 31)); }

// column returns the sum of v over the invocations of the same columns.
void column(inout vec4 v[NV], int ty, int tx) {
	barrier();
	[[unroll]] for (int j = 0; j < NV; j++) KEEP(ty * N4 + tx + j * STRIPS, v[j]);
	barrier();
	[[unroll]] for (int j = 0; j < NV; j++) {
		v[j] = vec4(0);
		for (int i = 0; i < COLUMNS; i++) v[j] += KEPT(i * N4 + tx + j * STRIPS);
	}
}
