#version 450
#extension GL_GOOGLE_include_directive : require
// Copies the rows of a micro-batch to or from those of the batch, in blocks of `per` vectors:
// whole[b·parts·per + micro·per + i] = part[b·per + i], or with back the reverse.
// Bindings: 0 x, read: the part; with back the whole   1 y, write: the other   2 scalars, read: float[64]; micro is the index of that scalar
// Grid: x, z ⌈n / 32⌉, one lane per vector of the part.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, per, parts, micro, back; };
READS(0, x)
WRITES(1, y)
READS(2, scalars)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n) return;
	uint slot = uint(LOAD(scalars, micro / 4u)[micro % 4u]), far = (i / per * parts + slot) * per + i % per;
	if (back != 0u) y[i] = LOAD(x, far);
	else y[far] = LOAD(x, i);
}
