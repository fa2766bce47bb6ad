#version 450
#extension GL_GOOGLE_include_directive : require
// Gradient of diagonal_loss.comp: dx_rc (+)= 2 · off · x_rc · dloss, and on the diagonal on · f'(x_rr) · dloss. The hinge's derivative is 0 from target on.
// Bindings: 0 x, read: [rows][quads]   1 dloss, read: lane 0   2 dx, write or add; x and dx at the slice, which begins at row0.
// Grid: x, z ⌈rows · quads / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "push_diagonal.glsl"
READS(0, x)
READS(1, dloss)
WRITES(2, dx)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= rows * quads) return;
	vec4 v = LOAD(x, i), d = 2.0 * on * (v - target);
	if (hinge != 0u) {
		vec4 deviation = sqrt(v + eps);
		d = mix(vec4(0), -0.5 * on / deviation, lessThan(deviation, vec4(target)));
	}
	v = LOAD(dloss, 0).x * mix(2.0 * off * v, d, onDiagonal(row0 + i / quads, i % quads));
	WRITE(dx, i, add, v);
}
