#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of layer norm, column sums of chunks of rows: dgamma[chunk][c] = Σ dy·x̂, dbeta[chunk][c] = Σ dy, with x̂ = (x − mean)·invstd of the row.
// Bindings: 0 dy   1 x, read: [rows][c4]   2 stats, read: vec4[rows] of layernorm.comp; at the slice, which starts at chunk0   3 dgamma   4 dbeta,
//           write: [chunks][c4].  Grid: x, z ⌈chunks of the slice · c4 / 32⌉. One lane sums one vector of columns over one chunk.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "push_chunks.glsl"
READS(0, dy)
READS(1, x)
READS(2, stats)
WRITES(3, dgamma)
WRITES(4, dbeta)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, k = id / c4;
	uint q = k * chunk, end = min(q + chunk, rows);
	if (q >= rows) return;
	vec4 a = vec4(0), b = vec4(0);
	for (; q < end; q += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint r = min(q + u, end - 1u);
			vec4 d = q + u < end ? LOAD(dy, r * c4 + c) : vec4(0), s = LOAD(stats, r);
			a += d * ((LOAD(x, r * c4 + c) - s.x) * s.y);
			b += d;
		}
	}
	dgamma[(chunk0 + k) * c4 + c] = a;
	dbeta[(chunk0 + k) * c4 + c] = b;
}
