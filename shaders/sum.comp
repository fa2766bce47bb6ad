#version 450
#extension GL_GOOGLE_include_directive : require
// One level of a sum: y[j][i] = Σ_k part[j + k·groups][i], k in order, groups = ⌈parts / 32⌉. Neighboring lanes read neighboring vectors, also
// where n is 1.
// Bindings: 0 part, read: [parts][n]   1 y, write: [groups][n], in vectors.  Grid: x, z ⌈groups · n / 32⌉, one lane per vector of y.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, parts, groups; };
READS(0, part)
WRITES(1, y)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, turn = groups * n, all = parts * n;
	if (id >= turn) return;
	vec4 v = vec4(0);
	for (uint k = id; k < all; k += 4u * turn) {
		vec4 z[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) z[u] = LOAD(part, min(k + u * turn, all - 1u));
		[[unroll]] for (uint u = 0u; u < 4u; u++) v += k + u * turn < all ? z[u] : vec4(0);
	}
	y[id] = v;
}
