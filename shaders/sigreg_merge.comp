#version 450
#extension GL_GOOGLE_include_directive : require
// SIGReg from the sums of sigreg.comp. With means C and S at knot k, its weight w and normal value φ:
// row[c] = (rows · Σ_k w · ((C − φ)² + S²) · share, 0, 0, 0), summed over the vector's columns; coef[2 (k−1)][c] = −2 w t (C − φ) · share,
// coef[2 (k−1) + 1][c] = 2 w t S · share. share = 1 / columns; coef is 0 in pad lanes.
// Bindings: 0 part, read: [parts][32][c4]   1 row, write: vec4[c4]   2 coef, write: [32][c4].  Grid: x ⌈c4 / 32⌉, one lane per vector of columns.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint c4, parts, rows, width; };
#include "sigreg.glsl"
READS(0, part)
WRITES(1, row)
WRITES(2, coef)

void main() {
	uint c = gl_GlobalInvocationID.x;
	if (c >= c4) return;
	float n = float(rows), share = 1.0 / float(width);
	vec4 total = vec4(0), real = mix(vec4(0), vec4(1), inRow(c, width));
	for (uint k = 1u; k <= KNOTS; k++) {
		vec4 x = vec4(0), y = vec4(0);
		for (uint p = 0u; p < parts; p++) {
			uint i = (p * 2u * KNOTS + 2u * (k - 1u)) * c4 + c;
			x += LOAD(part, i);
			y += LOAD(part, i + c4);
		}
		vec2 w = knotWeight(k);
		x = real * (x / n - w.x);
		y = real * (y / n);
		total += w.y * (x * x + y * y);
		float slope = 2.0 * w.y * float(k) * STEP * share;
		coef[2u * (k - 1u) * c4 + c] = -slope * x;
		coef[(2u * k - 1u) * c4 + c] = slope * y;
	}
	row[c] = vec4(n * share * sum4(total), 0, 0, 0);
}
