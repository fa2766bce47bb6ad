#version 450
#extension GL_GOOGLE_include_directive : require
// du[r c] (+)= dloss · Σ_k (coef[2 (k−1)][c] · sin(t_k u) + coef[2 (k−1) + 1][c] · cos(t_k u)), with the coefficients of sigreg_merge.comp.
// Bindings: 0 u, read: [rows][c4]   1 coef, read: [32][c4]   2 dloss, read: lane 0   3 du, write or add; u and du at the slice.
// Grid: x, z ⌈⌈rows / 4⌉ · c4 / 32⌉. One lane makes one vector of columns of four rows.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, c4, add; };
#include "sigreg.glsl"
READS(0, u)
READS(1, coef)
READS(2, dloss)
WRITES(3, du)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, first = id / c4 * 4u;
	vec4 c1[4], s1[4], x[4], y[4], sums[4];
	[[unroll]] for (uint r = 0u; r < 4u; r++) {
		rotor(STEP * LOAD(u, min(first + r, rows - 1u) * c4 + c), c1[r], s1[r]);
		x[r] = c1[r];
		y[r] = s1[r];
		sums[r] = vec4(0);
	}
	for (uint k = 0u; k < KNOTS; k++) {
		vec4 a = LOAD(coef, 2u * k * c4 + c), b = LOAD(coef, (2u * k + 1u) * c4 + c);
		[[unroll]] for (uint r = 0u; r < 4u; r++) {
			sums[r] += a * y[r] + b * x[r];
			turn(x[r], y[r], c1[r], s1[r]);
		}
	}
	float d = LOAD(dloss, 0).x;
	[[unroll]] for (uint r = 0u; r < 4u; r++) {
		if (first + r < rows) WRITE(du, (first + r) * c4 + c, add, d * sums[r]);
	}
}
