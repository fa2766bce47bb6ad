#version 450
#extension GL_GOOGLE_include_directive : require
// dx[r c] (+)= (e^{x/τ − lse} · Σ t − t) · dloss · share, share = 1/(N·τ).
// Bindings: 0 x   1 t, read: [rows][quads]   2 row, read: vec4[rows] of soft_cross_entropy.comp, at the slice   3 dloss, read: lane 0   4 dx, write or add.
// Grid: x, z ⌈rows · quads / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; float scale, share; uint add; };
READS(0, x)
READS(1, t)
READS(2, row)
READS(3, dloss)
WRITES(4, dx)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= rows * quads) return;
	vec4 k = LOAD(row, i / quads), p = exp(scale * LOAD(x, i) - k.z) * k.w - LOAD(t, i);
	vec4 v = mix(vec4(0), p * (LOAD(dloss, 0).x * share), inRow(i % quads, width));
	WRITE(dx, i, add, v);
}
