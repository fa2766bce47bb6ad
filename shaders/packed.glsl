// Shared memory and products of packed.comp. A vector in shared memory has four pairs of halves: two terms of one row, or of one column, each.
#define BK 16            // terms per iteration
#ifdef GATHER
#define PITCH_A (BK / 8 + 1)          // vectors from one row of A to the next, one of them padding against bank conflicts
#define ROW(I) (ty + (I) * (BM / TM)) // row I of an invocation, within the tile
shared uvec4 tileA[max(BM * PITCH_A, BM / TM * N4)]; // [row][terms]; at least the size that stats needs
#else
#define PITCH_A (M4 + 1)
#define ROW(I) ((I) / 4 * (BM / 2) + ty * 4 + (I) % 4)
shared uvec4 tileA[BK / 2 * PITCH_A]; // [pair of terms][row]
#endif
#define PITCH_B (N4 + 1) // vectors from one pair of terms of B to the next
#define TILE_B 0         // where B's tile begins
shared uvec4 tileB[BK / 2 * PITCH_B]; // [pair of terms][column]

// pairsOf returns the pairs of two terms of four rows or columns.
uvec4 pairsOf(uvec2 first, uvec2 second) {
	uvec2 low = first & 0xffffu | second << 16, high = first >> 16 | second & 0xffff0000u;
	return uvec4(low.x, high.x, low.y, high.y);
}

// add adds the products of a row and four columns.
void add(inout vec4 to, uint row, uvec4 columns) {
	[[unroll]] for (int i = 0; i < 4; i++) to[i] = dot2(row, columns[i], to[i]);
}

// ONE is 1. Drivers unroll the loops with it. So would glslc, to ten times the code, if it were no specialization constant.
layout(constant_id = 4) const int ONE = 1;

// multiply adds the product of the tiles in shared memory to sum.
void multiply(int ty, int tx) {
#ifdef GATHER
	[[unroll]] for (int k = 0; k < BK / 8 * ONE; k++) {
		uvec4 bs[4 * NV];
		[[unroll]] for (int u = 0; u < 4; u++) [[unroll]] for (int v = 0; v < NV; v++) bs[u * NV + v] = tileB[tx + (k * 4 + u) * PITCH_B + v * STRIPS];
		[[unroll]] for (int i = 0; i < TM * ONE; i++) {
			uvec4 as = tileA[ROW(i) * PITCH_A + k];
			[[unroll]] for (int u = 0; u < 4; u++) [[unroll]] for (int v = 0; v < NV; v++) add(sum[i * NV + v], as[u], bs[u * NV + v]);
		}
	}
#else
	[[unroll]] for (int k = 0; k < BK / 2 * ONE; k++) {
		uvec4 as[MV], bs[NV];
		[[unroll]] for (int i = 0; i < MV; i++) as[i] = tileA[ty + k * PITCH_A + i * (M4 / 2)];
		[[unroll]] for (int v = 0; v < NV; v++) bs[v] = tileB[tx + k * PITCH_B + v * STRIPS];
		[[unroll]] for (int i = 0; i < TM * ONE; i++) [[unroll]] for (int v = 0; v < NV; v++) add(sum[i * NV + v], as[i / 4][i % 4], bs[v]);
	}
#endif
}
