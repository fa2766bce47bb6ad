// What tiled.comp, packed.comp and coop.comp share: the tile of a group, and what tiled_gather.glsl and tiled_outer.glsl read and write.
// WHOLE: the terms of an iteration (gather; c is a multiple of BK) or the columns of a tile (outer; c4 is a multiple of N4) belong to one tap.
// NORMED: x is read as max(a·x + b, 0), the result of a batch norm and its ReLU.
layout(constant_id = 1) const bool WHOLE = false;
layout(constant_id = 2) const bool NORMED = false;
BOTH(3, readonly, norm) // [a b …][c4]
#define NORMED_OPERAND(V, A, B) (NORMED ? TO_OPERAND(max((A) * TO_FLOATS(V) + (B), vec4(0))) : (V))
#define WG (BM / TM * (BN / TN))
#define M4 (BM / 4)            // vectors of a row of A's tile, and of B's
#define N4 (BN / 4)
#define MV (TM / 4)            // vectors of rows and columns that an invocation makes
#define NV (TN / 4)
#define STRIPS (N4 / NV)       // invocations beside each other
layout(local_size_x = WG) in;
vec4 sum[TM * NV];                // [row][column]

// tileOf finds the tile of group id. It returns false for surplus groups of the grid, which lie behind the last strip or, if it is narrow, below it.
bool tileOf(int id, int tilesM, int tilesN, out int m, out int n) {
	int strip = id / (8 * tilesM), width = min(8, tilesN - strip * 8), rest = id - strip * 8 * tilesM;
	m = rest / max(width, 1);
	n = strip * 8 + rest - m * width;
	return width > 0 && m < tilesM;
}

#ifndef MATRICES
#ifndef KEEP
#define KEEP(I, V) tileA[I] = V // vectors of floats in shared memory
#define KEPT(I) tileA[I]
#endif

void clear() {
	[[unroll]] for (int i = 0; i < TM * NV; i++) sum[i] = vec4(0);
}

void collect(int ty, int tx) {} // the sums of coop.comp are not in sum yet
#endif
#ifdef PAIRS
#define TOGETHER 2        // terms of a row or a column that lie beside each other in shared memory
#define PLACE(I) ((I) / 2) // where operand I of a row, or term I, begins there
#else
#define TOGETHER 1
#define PLACE(I) (I)
#endif
#ifdef GATHER
#include "tiled_gather.glsl"
#else
#include "tiled_outer.glsl"
#endif
