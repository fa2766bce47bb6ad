#version 450
#extension GL_GOOGLE_include_directive : require
// Sums the gradients of a step's micro-batches, in order. Micro-batch m < parts − 1: sums ← sums + grads (m = 0: grads), grads ← 0. The last one:
// grads ← sums + grads. m is the scalar `micro`.
// Bindings: 0 grads, add   1 sums, add: [n] vectors   2 scalars, read: float[64]; micro is the index of that scalar
// Grid: x, z ⌈n / 32⌉, one lane per vector; grads and sums bound at the slice.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, micro, parts; };
WRITES(0, grads)
WRITES(1, sums)
READS(2, scalars)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n) return;
	uint m = uint(LOAD(scalars, micro / 4u)[micro % 4u]);
	vec4 sum = m == 0u ? grads[i] : sums[i] + grads[i];
	if (m == parts - 1u) {
		grads[i] = sum;
	} else {
		sums[i] = sum;
		grads[i] = vec4(0);
	}
}
