#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#pragma use_vulkan_memory_model
// Matrix product of tiles by matrix units, coop family: what tiled.comp computes, with its bindings, constants and grid. The operands are rounded to
// halves on the way into shared memory, or are halves already; products and sums are floats. A group's subgroups share its tile: ABOVE of them above
// each other, each with every ABOVE-th block of M rows.
//! target vulkan1.1
//! needs GL_KHR_cooperative_matrix
//! variant gather_128x128 -DGATHER -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant gather_128x64 -DGATHER -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant gather_64x64 -DGATHER -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant gather_64x64-256 -DGATHER -DBM=64 -DBN=64 -DTM=4 -DTN=4
//! variant gather_64x32 -DGATHER -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant stats_128x128 -DGATHER -DSTATS -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant stats_128x64 -DGATHER -DSTATS -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant stats_64x64 -DGATHER -DSTATS -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant stats_64x64-256 -DGATHER -DSTATS -DBM=64 -DBN=64 -DTM=4 -DTN=4
//! variant stats_64x32 -DGATHER -DSTATS -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant sums_128x128 -DGATHER -DSUMS -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant sums_128x64 -DGATHER -DSUMS -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant sums_64x64 -DGATHER -DSUMS -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant sums_64x64-256 -DGATHER -DSUMS -DBM=64 -DBN=64 -DTM=4 -DTN=4
//! variant sums_64x32 -DGATHER -DSUMS -DBM=64 -DBN=32 -DTM=8 -DTN=4
//! variant outer_128x128 -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant outer_128x64 -DBM=128 -DBN=64 -DTM=8 -DTN=8
//! variant outer_64x64 -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant outer_64x64-256 -DBM=64 -DBN=64 -DTM=4 -DTN=4
//! variant outer_64x32 -DBM=64 -DBN=32 -DTM=8 -DTN=4
#include "halves.glsl"
#define MATRICES
// The device's shape of products, [M K]·[K N]; its subgroup size.
layout(constant_id = 4) const int M = 16;
layout(constant_id = 5) const int N = 16;
layout(constant_id = 6) const int K = 16;
layout(constant_id = 7) const int SUBGROUP = 32;
layout(constant_id = 8) const int ABOVE = 2;
#include "tiled.glsl"
