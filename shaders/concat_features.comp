#version 450
#extension GL_GOOGLE_include_directive : require
// Concatenates the features of a sample's parts: y[n][t] (+)= x[row(n, t)], and its gradient x[row(n, t)] (+)= y[n][t] (back ≠ 0), in vectors.
//   row(n, t) = t·rows + n if blocks (one block per part); else n·parts + t
// Bindings: 0 source, read: vec4 [rows·parts][quads]   1 result, write or add: the same shape.
// Grid: x, z ⌈rows·parts·quads / 32⌉. One lane moves one vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, parts, quads, blocks, back, add; };
READS(0, source)
WRITES(1, result)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= rows * parts * quads) return;
	uint i = id % quads, k = id / quads, n = k / parts, t = k % parts;
	uint at = (blocks != 0u ? t * rows + n : k) * quads + i;
	uint from = back != 0u ? id : at, to = back != 0u ? at : id;
	WRITE(result, to, add, LOAD(source, from));
}
