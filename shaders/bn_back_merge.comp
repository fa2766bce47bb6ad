#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of batch norm: adds the last partial sums S1 = Σ dy' and S2 = Σ dy'·x̂ in order.  dβ += S1, dγ += S2, and
// dx = A·dy' + B + C·x̂ with A = γ·invstd, B = −A·S1/M, C = −A·S2/M over M rows; or dx = A·dy' + s·x + e. If σ² is a constant, C = 0; if μ is too, B = 0.
// Bindings: 0 part, read: [chunks][2][c4]   1 coef, read: [a b mean invstd][c4]   2 back, write: [B C A s e][c4]   3 dgamma, add   4 dbeta, add
// Grid: x ⌈c4 / 32⌉, one lane per vector of channels.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint c4, chunks, rows, through; };
READS(0, part)
READS(1, coef)
WRITES(2, back)
WRITES(3, dgamma)
WRITES(4, dbeta)

void main() {
	uint c = gl_GlobalInvocationID.x;
	if (c >= c4) return;
	vec4 s1 = vec4(0), s2 = vec4(0);
	for (uint k = 0u; k < chunks; k += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = min(k + u, chunks - 1u) * 2u * c4 + c;
			vec4 z1 = LOAD(part, at), z2 = LOAD(part, at + c4);
			s1 += k + u < chunks ? z1 : vec4(0);
			s2 += k + u < chunks ? z2 : vec4(0);
		}
	}
	dbeta[c] += s1;
	dgamma[c] += s2;
	vec4 a = LOAD(coef, c) / float(rows);
	vec4 b = through > 0u ? -a * s1 : vec4(0), x = through > 1u ? -a * s2 : vec4(0), slope = x * LOAD(coef, 3u * c4 + c);
	back[c] = b;
	back[c4 + c] = x;
	back[2u * c4 + c] = LOAD(coef, c);
	back[3u * c4 + c] = slope;
	back[4u * c4 + c] = b - slope * LOAD(coef, 2u * c4 + c);
}
