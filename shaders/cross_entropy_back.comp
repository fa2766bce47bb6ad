#version 450
#extension GL_GOOGLE_include_directive : require
// dx[r c] (+)= (e^{x − lse} − HOT·[c = t] − REST) · dloss / count (cross_entropy.comp), zero if the target is below 0, and for the columns that do not count (info).
// Bindings: 0 x, read: [rows][quads]   1 row, read: vec4[rows] of cross_entropy.comp   2 mean, read: (loss, count, 0, 0)
//           3 dloss, read: lane 0   4 dx, write or add; x, row, dx at the slice, whose first row is row0   not info: 5 targets, read: int[]
// Grid: x, z ⌈rows · quads / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
//! variant info_plain -DINFO
//! variant info_texel -DINFO -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
#ifdef INFO
layout(push_constant) uniform Push { uint rows, row0, quads, width, masked, add; };
#else
layout(push_constant) uniform Push { uint rows, row0, quads, width; float hot, rest; uint add; };
layout(binding = 5) readonly buffer Targets { int targets[]; };
#endif
#include "target.glsl"
READS(0, x)
READS(1, row)
READS(2, mean)
READS(3, dloss)
WRITES(4, dx)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= rows * quads) return;
	uint r = i / quads, q = i % quads;
	int t = TARGET(r);
	float scale = t < 0 ? 0.0 : LOAD(dloss, 0).x / max(LOAD(mean, 0).y, 1.0);
	vec4 p = exp(LOAD(x, i) - LOAD(row, r).z) - mix(vec4(REST), vec4(HOT + REST), equal(ivec4(0, 1, 2, 3) + int(q * 4u), ivec4(t)));
	vec4 v = mix(vec4(0), p * scale, COUNTS(q, t));
	WRITE(dx, i, add, v);
}
