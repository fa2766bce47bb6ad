#version 450
#extension GL_GOOGLE_include_directive : require
// Matrix product of tiles in shared memory, tiled family; the uses, bindings and constants of conv.comp and wgrad.comp:
//   gather  y[q k] (+)= Σ_taps Σ_c x[position(q, tap) c] · w[tap c k]           M positions × N channels, summed over taps and channels
//   stats   as gather, and part[tile of rows][0 1][k4] = mean and Σ (y − mean)² of y over the tile's rows, for batch norm
//   sums    as gather, for y the gradient of a batch norm's result: masks y by its ReLU, and part[tile of rows][0 1][k4] = Σ y and Σ y·x̂ over the tile's
//           rows or, with increment, of what is added there
//   outer   part[chunk][k tap c4] = Σ_{q in chunk} dy[q k] · x[position(q, tap) c4]   M channels × N (taps, channels), summed over positions
// A group makes BM × BN numbers with (BM/TM)·(BN/TN) invocations of TM × TN. The operands of the next BK terms are loaded into registers before those in
// shared memory are multiplied. Nothing uses them before the barrier, or compilers would wait for them at once; and no branch lies between, or compilers
// would load them behind it.
// Bindings: gather: 0 x   1 w   2 y   3 coef of the batch norm that x is read through   4 part (stats, sums)   5 x, 6 open, 7 coef of the batch norm (sums)
//           outer: 0 x   1 dy   2 part   3 as gather   4 z, 5 dz, 6 back of the batch norm that dy is the gradient of
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
//! variant sums_128x128 -DGATHER -DSUMS -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant sums_128x64 -DGATHER -DSUMS -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant sums_64x64 -DGATHER -DSUMS -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant sums_64x32 -DGATHER -DSUMS -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant sums_32x32 -DGATHER -DSUMS -DBM=32 -DBN=32 -DTM=4 -DTN=4
//! variant outer_128x128 -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant outer_128x64 -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant outer_64x64 -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant outer_64x32 -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant outer_32x32 -DBM=32 -DBN=32 -DTM=4 -DTN=4
#include "io.glsl"
#define OPERAND vec4
#define TO_FLOATS(V) (V)
#define TO_OPERAND(V) (V)
#include "tiled.glsl"
