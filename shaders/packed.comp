#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef DOT
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_spirv_intrinsics : require
#endif
// Matrix product of tiles by products of two halves, packed family: what tiled.comp computes, with its bindings, constants and grid. The operands are
// rounded to halves on the way into shared memory, or are halves already; an instruction multiplies two pairs of halves and adds both products to a float.
// Those with DOT need VK_VALVE_shader_mixed_float_dot_product. The others compute the same with floats, on every device.
//! needs SPV_VALVE_mixed_float_dot_product 6912
//! variant gather_128x128 -DGATHER -DBM=128 -DBN=128 -DTM=8 -DTN=8 -DDOT
//! variant gather_64x64 -DGATHER -DBM=64 -DBN=64 -DTM=8 -DTN=4 -DDOT
//! variant stats_128x128 -DGATHER -DSTATS -DBM=128 -DBN=128 -DTM=8 -DTN=8 -DDOT
//! variant stats_64x64 -DGATHER -DSTATS -DBM=64 -DBN=64 -DTM=8 -DTN=4 -DDOT
//! variant sums_128x128 -DGATHER -DSUMS -DBM=128 -DBN=128 -DTM=8 -DTN=8 -DDOT
//! variant sums_64x64 -DGATHER -DSUMS -DBM=64 -DBN=64 -DTM=8 -DTN=4 -DDOT
//! variant outer_128x128 -DBM=128 -DBN=128 -DTM=8 -DTN=8 -DDOT
//! variant outer_64x64 -DBM=64 -DBN=64 -DTM=8 -DTN=4 -DDOT
//! variant gather_128x128_floats -DGATHER -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant gather_64x64_floats -DGATHER -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant stats_128x128_floats -DGATHER -DSTATS -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant stats_64x64_floats -DGATHER -DSTATS -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant sums_128x128_floats -DGATHER -DSUMS -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant sums_64x64_floats -DGATHER -DSUMS -DBM=64 -DBN=64 -DTM=8 -DTN=4
//! variant outer_128x128_floats -DBM=128 -DBN=128 -DTM=8 -DTN=8
//! variant outer_64x64_floats -DBM=64 -DBN=64 -DTM=8 -DTN=4
#include "halves.glsl"
#define PAIRS
#define KEEP(I, V) tileA[I] = floatBitsToUint(V)
#define KEPT(I) uintBitsToFloat(tileA[I])
#ifdef DOT
spirv_instruction(extensions = ["SPV_VALVE_mixed_float_dot_product"], capabilities = [6912], id = 6916) float dot2(f16vec2 a, f16vec2 b, float c);
float dot2(uint a, uint b, float c) { return dot2(unpackFloat2x16(a), unpackFloat2x16(b), c); }
#else
float dot2(uint a, uint b, float c) {
	vec2 x = unpackHalf2x16(a), y = unpackHalf2x16(b);
	return fma(x.x, y.x, fma(x.y, y.y, c));
}
#endif
#include "tiled.glsl"
