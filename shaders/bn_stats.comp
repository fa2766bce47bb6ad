#version 450
#extension GL_GOOGLE_include_directive : require
// Batch norm, statistics of chunks of positions: part[chunk][0][c] = mean, [1][c] = M2 = Σ (x − mean)². One pass, shifted by the
// chunk's first row, so that Σx² − (Σx)²/n stays accurate for a large mean. bn_merge.comp merges the chunks.
// Bindings: 0 x, read: [rows][c4]   1 part, write: [chunks][2][c4].  x is bound at the slice, which begins at chunk0.
// Grid: x, z ⌈chunks of the slice · c4 / 32⌉. One lane sums one vector of channels over one chunk.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "push_chunks.glsl"
READS(0, x)
WRITES(1, part)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, k = id / c4;
	uint q = k * chunk, end = min(q + chunk, rows);
	if (q >= rows) return;
	vec4 shift = LOAD(x, q * c4 + c), a = vec4(0), b = vec4(0);
	float n = float(end - q);
	for (; q < end; q += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			vec4 d = q + u < end ? LOAD(x, min(q + u, end - 1u) * c4 + c) - shift : vec4(0);
			a += d;
			b += d * d;
		}
	}
	uint o = (chunk0 + k) * 2u * c4 + c;
	part[o] = shift + a / n;
	part[o + c4] = max(b - a * a / n, vec4(0));
}
