#version 450
#extension GL_GOOGLE_include_directive : require
// bad[chunk] = index of the first vector in a chunk of the gradients with a number that is not finite, or 2³² − 1. On bits: without
// float controls a driver may assume that there are no NaNs.
// Bindings: 0 grad, read: [n] vectors   1 bad, write: uint[chunks].  Grid: x, z ⌈chunks / 32⌉. One lane looks through one chunk.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, chunk, chunk0; };
READS(0, grad)
layout(binding = 1) writeonly buffer Bad { uint bad[]; };

void main() {
	uint k = GROUP * 32u + gl_LocalInvocationID.x, i = k * chunk;
	if (i >= n) return;
	uint end = min(i + chunk, n), first = 0xffffffffu;
	for (; i < end; i++) {
		uvec4 e = floatBitsToUint(LOAD(grad, i)) & 0x7f800000u;
		if (any(equal(e, uvec4(0x7f800000u)))) first = min(first, chunk0 * chunk + i);
	}
	bad[chunk0 + k] = first;
}
