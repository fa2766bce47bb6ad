#version 450
#extension GL_GOOGLE_include_directive : require
// found[lane] = (the lane's first vector with a non-finite number, or 2³² − 1;  bits of Σ g² over its vectors, 0, 0). Non-finite numbers are
// found by their bits: without float controls a driver may assume that there are no NaNs.
// Bindings: 0 grad, read: [n] vectors   1 found, write: uvec4[lanes].  Bound at the slice, which starts at vector `from`.
// Grid: x, z ⌈n / 512⌉. A group scans 512 vectors, a lane at 16 of them, 32 apart, so that neighboring lanes read neighboring vectors.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, from; };
READS(0, grad)
layout(binding = 1) writeonly buffer Found { uvec4 found[]; };

void main() {
	uint start = GROUP * 512u + gl_LocalInvocationID.x, first = 0xffffffffu;
	if (GROUP * 512u >= n) return;
	vec4 sum = vec4(0);
	for (uint k = 0u; k < 16u; k += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint i = start + (k + u) * 32u;
			vec4 v = LOAD(grad, min(i, n - 1u));
			v = i < n ? v : vec4(0);
			sum += v * v;
			bool bad = any(equal(floatBitsToUint(v) & 0x7f800000u, uvec4(0x7f800000u)));
			first = min(first, bad ? from + i : 0xffffffffu);
		}
	}
	found[from / 16u + GROUP * 32u + gl_LocalInvocationID.x] = uvec4(first, floatBitsToUint(sum.x + sum.y + sum.z + sum.w), 0, 0);
}
