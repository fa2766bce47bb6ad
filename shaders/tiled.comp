#version 450
#extension GL_GOOGLE_include_directive : require
// Matrix product of tiles in shared memory, tiled family; the uses, bindings and constants of conv.comp and wgrad.comp:
//   gather  y[q k] (+)= Σ_taps Σ_c x[position(q, tap) c] · w[tap c k]           M positions × N channels, summed over taps and channels
//   stats   as gather, and part[tile of rows][0 1][k4] = mean and Σ (y − mean)² of y over the tile's rows, for batch norm
//   outer   part[chunk][k tap c4] = Σ_{q in chunk} dy[q k] · x[position(q, tap) c4]   M channels × N (taps, channels), summed over positions
// A group makes BM × BN numbers with (BM/8)·(BN/TN) invocations of 8 × TN, as interleaved blocks of four, so that neighbors read neighboring words of
// shared memory. The operands of the next BK terms are loaded into registers while those in shared memory are multiplied.
// Bindings: gather, stats: 0 x   1 w   2 y   3 part (stats);  outer: 0 x   1 dy   2 part.
// Grid: x, z tiles in strips of eight columns, so that groups at work at the same time share rows and columns;  y batch (gather) or chunk (outer).
//! variant gather_128x128 -DGATHER -DBM=128 -DBN=128 -DTN=8
//! variant gather_128x64 -DGATHER -DBM=128 -DBN=64 -DTN=8
//! variant gather_64x64 -DGATHER -DBM=64 -DBN=64 -DTN=4
//! variant gather_64x32 -DGATHER -DBM=64 -DBN=32 -DTN=4
//! variant stats_128x128 -DGATHER -DSTATS -DBM=128 -DBN=128 -DTN=8
//! variant stats_128x64 -DGATHER -DSTATS -DBM=128 -DBN=64 -DTN=8
//! variant stats_64x64 -DGATHER -DSTATS -DBM=64 -DBN=64 -DTN=4
//! variant stats_64x32 -DGATHER -DSTATS -DBM=64 -DBN=32 -DTN=4
//! variant outer_128x128 -DBM=128 -DBN=128 -DTN=8
//! variant outer_128x64 -DBM=128 -DBN=64 -DTN=8
//! variant outer_64x64 -DBM=64 -DBN=64 -DTN=4
//! variant outer_64x32 -DBM=64 -DBN=32 -DTN=4
#include "io.glsl"
#define BK 16                  // terms per iteration
#define WG (BM / 8 * (BN / TN))
#define M4 (BM / 4)            // vectors of a row of A's tile, and of B's
#define N4 (BN / 4)
#define NV (TN / 4)            // vectors of a row that an invocation makes
#define STRIPS (N4 / NV)       // invocations beside each other
layout(local_size_x = WG) in;
shared vec4 tileA[BK * (M4 + 1)]; // [term][row], a vector of padding against bank conflicts
shared vec4 tileB[BK * (N4 + 1)]; // [term][column]
vec4 sum[8 * NV];

// tileOf finds the tile of the group. It returns false for surplus groups of the grid, which lie behind the last strip or, if it is narrow, below it.
bool tileOf(int tilesM, int tilesN, out int m, out int n) {
	int id = int(GROUP), strip = id / (8 * tilesM), width = min(8, tilesN - strip * 8), rest = id - strip * 8 * tilesM;
	m = rest / max(width, 1);
	n = strip * 8 + rest - m * width;
	return width > 0 && m < tilesM;
}

// multiply adds the product of the tiles in shared memory to sum.
void multiply(int ty, int tx) {
	for (int k = 0; k < BK; k += 4) [[unroll]] for (int u = 0; u < 4; u++) {
		int a = (k + u) * (M4 + 1) + ty, b = (k + u) * (N4 + 1) + tx;
		vec4 a0 = tileA[a], a1 = tileA[a + M4 / 2];
		[[unroll]] for (int v = 0; v < NV; v++) {
			vec4 bv = tileB[b + v * STRIPS];
			[[unroll]] for (int i = 0; i < 4; i++) {
				sum[i * NV + v] += a0[i] * bv;
				sum[(i + 4) * NV + v] += a1[i] * bv;
			}
		}
	}
}
// The row within the tile of row i of an invocation's eight.
#define ROW(I) ((I) < 4 ? ty * 4 + (I) : BM / 2 + ty * 4 + (I) - 4)
#ifdef GATHER
#include "tiled_gather.glsl"
#else
#include "tiled_outer.glsl"
#endif
