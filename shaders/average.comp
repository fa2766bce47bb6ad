#version 450
#extension GL_GOOGLE_include_directive : require
// avg += rest · (x − avg), rest = 1 − momentum, unless halt is set.
// Bindings: 0 x, read: [n] vectors   1 avg, add   2 halt, read: uint.  Grid: x, z ⌈n / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n; float rest; };
READS(0, x)
WRITES(1, avg)
layout(binding = 2) readonly buffer Halt { uint halt[]; };

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i < n && halt[0] == 0u) avg[i] += rest * (LOAD(x, i) - avg[i]);
}
