#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of batch norm, sums of chunks: part[chunk][0][c] = Σ dy', [1][c] = Σ dy'·x̂ with x̂ = (x − mean)·invstd and dy' = dy·[y > 0] under a ReLU. If relu
// is 1, y is read: it holds a residual too. If it is 2, y = a·x + b, and y is not read.
// Bindings: 0 dy   1 x   2 y   3 coef [a b mean invstd][c4]   4 part, write: [chunks][2][c4].  dy, x, y: [rows][c4] at the slice
// Grid: x, z ⌈chunks of the slice · c4 / 32⌉. One lane sums one vector of channels over one chunk.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, chunk, chunk0, c4, relu; };
READS(0, dy)
READS(1, x)
READS(2, y)
READS(3, coef)
WRITES(4, part)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, k = id / c4;
	uint q = k * chunk, end = min(q + chunk, rows);
	if (q >= rows) return;
	vec4 scale = LOAD(coef, c), shift = LOAD(coef, c4 + c), mean = LOAD(coef, 2u * c4 + c), inv = LOAD(coef, 3u * c4 + c), a = vec4(0), b = vec4(0);
	for (; q < end; q += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint i = min(q + u, end - 1u) * c4 + c;
			vec4 d = q + u < end ? LOAD(dy, i) : vec4(0), z = LOAD(x, i);
			if (relu != 0u) d = mix(vec4(0), d, greaterThan(relu == 2u ? scale * z + shift : LOAD(y, i), vec4(0)));
			a += d;
			b += d * (z - mean);
		}
	}
	uint o = (chunk0 + k) * 2u * c4 + c;
	part[o] = a;
	part[o + c4] = b * inv;
}
