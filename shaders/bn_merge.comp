#version 450
#extension GL_GOOGLE_include_directive : require
// Batch norm: merges statistics (mean, M2) of parts of `per` rows (the last part may be shorter) in order, by the formula of Chan, Golub and LeVeque
// (1983, The American Statistician 37:3, eq. 2.1). level merges groups of 32 parts into parts of 32·per rows. fold merges the remaining parts and
// includes γ and β: σ² = M2 / rows (biased), or 1 without variance;  a = γ / √(σ² + ε),  b = β − mean·a
// level  Bindings: 0 part, read: [parts][2][c4]   1 merged, write: [⌈parts/32⌉][2][c4].  Grid: x, z ⌈⌈parts/32⌉ · c4 / 32⌉
// fold   Bindings: 0 part, read: [parts][2][c4]   1 gamma, read   2 beta, read   3 coef, write: [a b mean invstd][c4]
//        4 kept, write: [slot][mean σ²][c4], for the running statistics   5 scalars, read: float[64]; the slot is scalar `micro` modulo slots
//        Grid: x ⌈c4 / 32⌉.  Pad lanes have γ = β = 0, hence a = b = 0.
// moments  merges the remaining parts too, for σ = max(√(M2 / rows), 1e-6): row[c] = (share · Σ mean² + (σ − 1)², 0, 0, 0) over the vector's columns
//        Bindings: 0 part, read   1 means, write: [c4]   2 inverses, write: 1 / σ [c4], 0 in pad lanes   3 row, write: vec4[c4].  Grid: x ⌈c4 / 32⌉
// One lane merges one vector of channels.
//! variant level_plain
//! variant level_texel -DTEXEL
//! variant fold_plain -DFOLD
//! variant fold_texel -DFOLD -DTEXEL
//! variant moments_plain -DMOMENTS
//! variant moments_texel -DMOMENTS -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 32) in;
#ifdef FOLD
layout(push_constant) uniform Push { uint c4, parts, per, rows, micro, slots, variance; float eps; };
READS(0, part)
READS(1, gamma)
READS(2, beta)
WRITES(3, coef)
WRITES(4, kept)
READS(5, scalars)
#elif defined(MOMENTS)
layout(push_constant) uniform Push { uint c4, parts, per, rows, width; };
READS(0, part)
WRITES(1, means)
WRITES(2, inverses)
WRITES(3, row)
#else
layout(push_constant) uniform Push { uint c4, parts, per, rows; };
READS(0, part)
WRITES(1, merged)
#endif

// merge returns the statistics of parts first … end−1 for channel vector c.
void merge(uint first, uint end, uint c, out vec4 mean, out vec4 m2) {
	mean = m2 = vec4(0);
	float n = 0.0;
	for (uint k = first; k < end; k += 4u) {
		vec4 m[4], s[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = min(k + u, end - 1u) * 2u * c4 + c;
			m[u] = LOAD(part, at);
			s[u] = LOAD(part, at + c4);
		}
		[[unroll]] for (uint u = 0u; u < 4u; u++) if (k + u < end) {
			float nk = float(min(per, rows - (k + u) * per)), all = n + nk;
			vec4 d = m[u] - mean;
			m2 += s[u] + d * d * (n * nk / all);
			mean += d * (nk / all);
			n = all;
		}
	}
}

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	vec4 mean, m2;
#ifdef FOLD
	if (id >= c4) return;
	merge(0u, parts, id, mean, m2);
	vec4 var = variance != 0u ? m2 / float(rows) : vec4(1), inv = 1.0 / sqrt(var + eps), a = LOAD(gamma, id) * inv;
	coef[id] = a;
	coef[c4 + id] = LOAD(beta, id) - mean * a;
	coef[2u * c4 + id] = mean;
	coef[3u * c4 + id] = inv;
	uint slot = uint(LOAD(scalars, micro / 4u)[micro % 4u]) % slots * 2u * c4;
	kept[slot + id] = mean;
	kept[slot + c4 + id] = var;
#elif defined(MOMENTS)
	if (id >= c4) return;
	merge(0u, parts, id, mean, m2);
	vec4 deviation = max(sqrt(m2 / float(rows)), vec4(1e-6)), terms = mean * mean + (deviation - 1.0) * (deviation - 1.0);
	means[id] = mean;
	inverses[id] = mix(vec4(0), 1.0 / deviation, inRow(id, width));
	row[id] = vec4(sum4(mix(vec4(0), terms, inRow(id, width))) / float(width), 0, 0, 0);
#else
	uint group = id / c4, c = id % c4, first = group * 32u;
	if (first >= parts) return;
	merge(first, min(first + 32u, parts), c, mean, m2);
	merged[group * 2u * c4 + c] = mean;
	merged[group * 2u * c4 + c4 + c] = m2;
#endif
}
