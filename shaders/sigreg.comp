#version 450
#extension GL_GOOGLE_include_directive : require
// Empirical characteristic functions, sums over chunks of rows: part[chunk][2 (k−1)][c] = Σ cos(t_k · u[r c]), [2 (k−1) + 1] = Σ sin, k = 1 … 16.
// Bindings: 0 u, read: [rows][c4] at the slice, which starts at chunk0   1 part, write: [chunks][32][c4]
// Grid: x, z ⌈chunks of the slice · c4 / 32⌉; y 4. One lane sums one vector of columns over one chunk, at four knots: y has the knots 4y + 1 … 4y + 4.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "push_chunks.glsl"
#include "sigreg.glsl"
READS(0, u)
WRITES(1, part)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, k = id / c4, group = gl_WorkGroupID.y;
	uint q = k * chunk, end = min(q + chunk, rows);
	if (q >= rows) return;
	vec4 cosines[4], sines[4];
	[[unroll]] for (uint i = 0u; i < 4u; i++) cosines[i] = sines[i] = vec4(0);
	for (; q < end; q++) {
		vec4 c1, s1;
		rotor(STEP * LOAD(u, q * c4 + c), c1, s1);
		vec4 fourC = c1, fourS = s1, x = c1, y = s1;
		turn(fourC, fourS, fourC, fourS);
		turn(fourC, fourS, fourC, fourS);
		for (uint j = 0u; j < group; j++) turn(x, y, fourC, fourS);
		[[unroll]] for (uint i = 0u; i < 4u; i++) {
			cosines[i] += x;
			sines[i] += y;
			turn(x, y, c1, s1);
		}
	}
	uint o = ((chunk0 + k) * 2u * KNOTS + 8u * group) * c4 + c;
	[[unroll]] for (uint i = 0u; i < 4u; i++) {
		part[o + 2u * i * c4] = cosines[i];
		part[o + (2u * i + 1u) * c4] = sines[i];
	}
}
