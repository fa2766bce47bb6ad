#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of group norm, sums over an image's positions: s1[n][c] = Σ dy', s2[n][c] = Σ dy'·x̂ with dy' = dy·[y > 0] under a ReLU (y holds the
// residual too) and x̂ = (x − mean)·invstd. Summed over the images they are dβ and dγ.
// Bindings: 0 dy   1 x   2 y, read: [images][area][c4]   3 stats, read: vec4[images][groups]   4 s1   5 s2, write: [images][c4]; all bound at the slice
// Grid: x, z ⌈images · c4 / 32⌉. One lane sums one vector of channels of one image.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint images, c4, quads, area, relu; };
READS(0, dy)
READS(1, x)
READS(2, y)
READS(3, stats)
WRITES(4, s1)
WRITES(5, s2)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, n = id / c4, c = id % c4;
	if (n >= images) return;
	vec4 s = LOAD(stats, n * (c4 / quads) + c / quads), a = vec4(0), b = vec4(0);
	uint from = n * area * c4 + c;
	for (uint p = 0u; p < area; p += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint i = from + min(p + u, area - 1u) * c4;
			vec4 d = p + u < area ? LOAD(dy, i) : vec4(0);
			if (relu != 0u) d = mix(vec4(0), d, greaterThan(LOAD(y, i), vec4(0)));
			a += d;
			b += d * (LOAD(x, i) - s.x);
		}
	}
	s1[id] = a;
	s2[id] = b * s.y;
}
