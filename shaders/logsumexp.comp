#version 450
#extension GL_GOOGLE_include_directive : require
// Merges the partial results (top, Σ exp(v − top), Σ hit, 1) of a row's 32 lanes, in order: row[r] = (lse − Σ hit, 1, lse, 0), or zeros if the row does
// not count, which their last number 0 marks. With soft, their last number is a part of Σ t, and row[r] = (lse · Σ t − Σ hit, 1, lse, Σ t).
// Bindings: 0 part, read: vec4[rows][32]   1 row, write: vec4[rows]; bound at the slice.  Grid: x, z ⌈rows / 32⌉, one lane per row.
//! variant plain
//! variant texel -DTEXEL
//! variant soft_plain -DSOFT
//! variant soft_texel -DSOFT -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows; };
READS(0, part)
WRITES(1, row)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	float top = LOW, total = 0.0, hit = 0.0, counts = 0.0;
	for (uint l = 0u; l < 32u; l += 4u) {
		vec4 z[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) z[u] = LOAD(part, r * 32u + l + u);
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			float now = max(top, z[u].x);
			total = total * exp(top - now) + z[u].y * exp(z[u].x - now);
			top = now;
			hit += z[u].z;
#ifdef SOFT
			counts += z[u].w;
#else
			counts = z[u].w;
#endif
		}
	}
	float lse = top + log(total);
#ifdef SOFT
	row[r] = vec4(lse * counts - hit, 1, lse, counts);
#else
	row[r] = counts != 0.0 ? vec4(lse - hit, 1, lse, 0) : vec4(0);
#endif
}
