#version 450
#extension GL_GOOGLE_include_directive : require
// Batch norm: merges chunk statistics in order by Chan, Golub and LeVeque's formula (1983, The American Statistician 37:3, eq. 2.1), the last
// chunk being short, and folds γ and β in.  σ² = M2 / rows (biased);  a = γ / √(σ² + ε),  b = β − mean·a
// Bindings: 0 part, read: [chunks][2][c4]   1 gamma, read   2 beta, read   3 coef, write: [a b mean invstd][c4]
//           4 kept, write: [slot][mean σ²][c4], for the running statistics   5 scalars, read: float[64]; the slot is scalar `micro`
// Grid: x ⌈c4 / 32⌉. One lane merges one vector of channels. Pad lanes have γ = β = 0, hence a = b = 0.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint c4, chunks, chunk, rows, micro; float eps; };
READS(0, part)
READS(1, gamma)
READS(2, beta)
WRITES(3, coef)
WRITES(4, kept)
READS(5, scalars)

void main() {
	uint c = gl_GlobalInvocationID.x;
	if (c >= c4) return;
	vec4 mean = vec4(0), m2 = vec4(0);
	float n = 0.0;
	for (uint k = 0u; k < chunks; k++) {
		float nk = float(min(chunk, rows - k * chunk)), all = n + nk;
		vec4 d = LOAD(part, k * 2u * c4 + c) - mean;
		m2 += LOAD(part, k * 2u * c4 + c4 + c) + d * d * (n * nk / all);
		mean += d * (nk / all);
		n = all;
	}
	vec4 var = m2 / n, inv = 1.0 / sqrt(var + eps), a = LOAD(gamma, c) * inv;
	coef[c] = a;
	coef[c4 + c] = LOAD(beta, c) - mean * a;
	coef[2u * c4 + c] = mean;
	coef[3u * c4 + c] = inv;
	uint slot = uint(LOAD(scalars, micro / 4u)[micro % 4u]) * 2u * c4;
	kept[slot + c] = mean;
	kept[slot + c4 + c] = var;
}
