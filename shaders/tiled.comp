#version 450
#extension GL_GOOGLE_include_directive : require
// Matrix product of tiles in shared memory, tiled family; the uses, bindings and constants of conv.comp and wgrad.comp:
//   gather  y[q k] (+)= Σ_taps Σ_c x[position(q, tap) c] · w[tap c k]           M positions × N channels, summed over taps and channels
//   stats   as gather, and part[tile of rows][0 1][k4] = mean and Σ (y − mean)² of y over the tile's rows, for batch norm
//   outer   part[chunk][k tap c4] = Σ_{q in chunk} dy[q k] · x[position(q, tap) c4]   M channels × N (taps, channels), summed over positions
// A group makes BM × BN numbers with (BM/TM)·(BN/TN) invocations of TM × TN. The operands of the next BK terms are loaded into registers before those in
// shared memory are multiplied. Nothing uses them before the barrier, or compilers would wait for them at once; and no branch lies between, or compilers
// would load them behind it.
// Bindings: gather, stats: 0 x   1 w   2 y   3 part (stats);  outer: 0 x   1 dy   2 part.
// Grid: x, z tiles in strips of eight columns, so that groups at work at the same time share rows and columns;  y batch (gather) or chunk (outer).
//! variant gather_128x128 -DGATHER -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant gather_128x64 -DGATHER -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant gather_64x64 -DGATHER -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant gather_64x32 -DGATHER -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant gather_32x32 -DGATHER -DBM=32 -DBN=32 -DTM=4 -DTN=4
//! variant stats_128x128 -DGATHER -DSTATS -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant stats_128x64 -DGATHER -DSTATS -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant stats_64x64 -DGATHER -DSTATS -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant stats_64x32 -DGATHER -DSTATS -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant stats_32x32 -DGATHER -DSTATS -DBM=32 -DBN=32 -DTM=4 -DTN=4
//! variant outer_128x128 -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant outer_128x64 -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant outer_64x64 -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant outer_64x32 -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant outer_32x32 -DBM=32 -DBN=32 -DTM=4 -DTN=4
#include "io.glsl"
// WHOLE: the terms of an iteration (gather; c is a multiple of BK) or the columns of a tile (outer; c4 is a multiple of N4) belong to one tap.
layout(constant_id = 1) const bool WHOLE = false;
#define WG (BM / TM * (BN / TN))
#define M4 (BM / 4)            // vectors of a row of A's tile, and of B's
#define N4 (BN / 4)
#define MV (TM / 4)            // vectors of rows and columns that an invocation makes
#define NV (TN / 4)
#define STRIPS (N4 / NV)       // invocations beside each other
layout(local_size_x = WG) in;
vec4 sum[TM * NV];                // [row][column]

// tileOf finds the tile of the group. It returns false for surplus groups of the grid, which lie behind the last strip or, if it is narrow, below it.
bool tileOf(int tilesM, int tilesN, out int m, out int n) {
	int id = int(GROUP), strip = id / (8 * tilesM), width = min(8, tilesN - strip * 8), rest = id - strip * 8 * tilesM;
	m = rest / max(width, 1);
	n = strip * 8 + rest - m * width;
	return width > 0 && m < tilesM;
}
#ifdef GATHER
#include "tiled_gather.glsl"
#else
#include "tiled_outer.glsl"
#endif
