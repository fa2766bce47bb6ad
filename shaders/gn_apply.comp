#version 450
#extension GL_GOOGLE_include_directive : require
// Group norm: y = γ·(x − mean)·invstd + β (+ residual), then ReLU if relu, with mean and invstd of the row's image and the channel's group.
// Bindings: 0 x   1 stats, read: vec4[images][groups], mean and invstd in lanes 0 and 1   2 gamma   3 beta, read: [c4]
//           4 residual (x if there is none)   5 y, write; x, residual, y: [rows][c4] bound at the slice, which begins at row first
// Grid: x, z ⌈⌈rows / 8⌉ · c4 / 32⌉. One lane makes one vector of channels of eight rows; pad lanes have γ = β = 0.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, first, c4, quads, area, residual, relu; };
READS(0, x)
READS(1, stats)
READS(2, gamma)
READS(3, beta)
READS(4, res)
WRITES(5, y)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, row = id / c4 * 8u, groups = c4 / quads;
	vec4 scale = LOAD(gamma, c), shift = LOAD(beta, c);
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint r = min(row + k, rows - 1u), i = r * c4 + c;
		vec4 s = LOAD(stats, (first + r) / area * groups + c / quads);
		vec4 v = (LOAD(x, i) - s.x) * s.y * scale + shift;
		if (residual != 0u) v += LOAD(res, i);
		if (relu != 0u) v = max(v, vec4(0));
		if (row + k < rows) STORE(y, i, v);
	}
}
