#version 450
#extension GL_GOOGLE_include_directive : require
// queue[(first + r) mod size] = x[r] for all rows r, unless halt is set.
// Bindings: 0 x, read: [n] vectors   1 queue, write: [size][quads]   2 scalars, read: first is the number at `position`   3 halt, read: uint
// Grid: x, z ⌈n / 32⌉, one lane per vector of x.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, quads, size, position; };
READS(0, x)
WRITES(1, queue)
READS(2, scalars)
layout(binding = 3) readonly buffer Halt { uint halt[]; };

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n || halt[0] != 0u) return;
	uint first = uint(LOAD(scalars, position / 4u)[position % 4u]);
	queue[(first + i / quads) % size * quads + i % quads] = LOAD(x, i);
}
