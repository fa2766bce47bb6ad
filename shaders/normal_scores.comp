#version 450
#extension GL_GOOGLE_include_directive : require
// y[r j] = scores[rank of x[r j] in its row]; the rank is the number of k with x[r k] < x[r j], or equal and k < j.
// Bindings: 0 x, read: [rows][quads]   1 scores, read: [quads]   2 y, write: [rows][quads]; x and y at the slice.
// Grid: x, z ⌈rows · quads / 32⌉. One lane ranks one vector, and reads its whole row.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, quads, width; };
READS(0, x)
READS(1, scores)
WRITES(2, y)

// count counts the numbers of v[j] that are greater than x, or equal to it if orEqual.
uvec4 count(vec4 v, float x, bvec4 orEqual) { return uvec4(greaterThan(v, vec4(x))) + uvec4(equal(v, vec4(x))) * uvec4(orEqual); }

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, own = id % quads, from = id - own;
	if (id >= rows * quads) return;
	vec4 v = LOAD(x, id);
	uvec4 rank = uvec4(0);
	for (uint q = 0u; q < quads; q++) {
		vec4 u = mix(vec4(-LOW), LOAD(x, from + q), inRow(q, width));
		[[unroll]] for (uint i = 0u; i < 4u; i++) rank += count(v, u[i], lessThan(uvec4(4u * q + i), uvec4(0, 1, 2, 3) + 4u * own));
	}
	rank = min(rank, uvec4(width - 1u));
	vec4 score;
	[[unroll]] for (uint i = 0u; i < 4u; i++) score[i] = LOAD(scores, rank[i] / 4u)[rank[i] % 4u];
	y[id] = mix(vec4(0), score, inRow(own, width));
}
