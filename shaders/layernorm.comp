#version 450
#extension GL_GOOGLE_include_directive : require
// Layer norm: y = γ·(x − mean)·invstd + β, with mean and invstd = 1/√(σ² + ε) of the row, σ² biased. A lane computes mean and M2 (the sum of squared
// distances from the mean) of sixteen numbers at a time and merges them with those before (Chan, Golub and LeVeque 1983).
// Bindings: 0 x, read: [rows][quads]   1 gamma   2 beta, read: [quads]   3 y, write   4 stats, write: vec4[rows], mean and invstd in lanes 0 and 1
//           x, y, stats at the slice. Pad lanes have γ = β = 0.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane takes every LANES-th vector of a row (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, quads, width; float eps; };
READS(0, x)
READS(1, gamma)
READS(2, beta)
WRITES(3, y)
WRITES(4, stats)

void main() {
	uint r = ROW, from = min(r, rows - 1u) * quads;
	float count = 0.0, mean = 0.0, m2 = 0.0;
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4], real[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = q + u * LANES;
			real[u] = mix(vec4(0), vec4(1), inRow(at, width));
			v[u] = LOAD(x, from + min(at, quads - 1u)) * real[u];
		}
		float n = sum4(real[0] + real[1] + real[2] + real[3]), center = sum4(v[0] + v[1] + v[2] + v[3]) / n;
		vec4 squares = vec4(0);
		[[unroll]] for (uint u = 0u; u < 4u; u++) squares += (v[u] - center) * (v[u] - center) * real[u];
		float apart = center - mean, share = n / (count + n);
		m2 += sum4(squares) + apart * apart * count * share;
		mean += apart * share;
		count += n;
	}
	float all = rowSum(0u, vec2(count * mean, 0)).x / float(width), apart = mean - all;
	float invstd = 1.0 / sqrt(rowSum(1u, vec2(m2 + apart * apart * count, 0)).x / float(width) + eps);
	if (r >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) STORE(y, from + q, (LOAD(x, from + q) - all) * invstd * LOAD(gamma, q) + LOAD(beta, q));
	if (LANE == 0u) stats[r] = vec4(all, invstd, 0, 0);
}
