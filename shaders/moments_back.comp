#version 450
#extension GL_GOOGLE_include_directive : require
// dx[r c] (+)= share · dloss · (mean[c] + (1 − inverse[c]) · (x[r c] − mean[c])), the second term without columns of inverse 1e6, which are constant.
// Bindings: 0 x, read: [rows][c4]   1 means, read: [c4]   2 inverses, read: [c4]   3 dloss, read: lane 0   4 dx, write or add; x and dx at the slice.
// Grid: x, z ⌈rows · c4 / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, c4, add; float share; };
READS(0, x)
READS(1, means)
READS(2, inverses)
READS(3, dloss)
WRITES(4, dx)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4;
	if (id >= rows * c4) return;
	vec4 mean = LOAD(means, c), inverse = LOAD(inverses, c);
	vec4 slope = mix(1.0 - inverse, vec4(0), greaterThan(inverse, vec4(0.99e6)));
	vec4 v = share * LOAD(dloss, 0).x * (mean + slope * (LOAD(x, id) - mean));
	WRITE(dx, id, add, v);
}
