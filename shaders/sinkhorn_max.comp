#version 450
#extension GL_GOOGLE_include_directive : require
// Row: top[r] is the maximum of row r of x, in all four lanes.  All: top[0] is the maximum of all of x, rows without pad lanes.
// Bindings: 0 x, read: [rows][quads]   1 top, write.  Grid: x, z ⌈rows · LANES / 128⌉ with the tensors at the slice; all: one group.
//! variant row_plain
//! variant row_texel -DTEXEL
//! variant all_plain -DALL
//! variant all_texel -DALL -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
READS(0, x)
WRITES(1, top)

// most returns the greatest of the first `width` numbers in `count` vectors from `from` on.
float most(uint from, uint count, uint width) {
	float m = LOW;
	for (uint q = LANE; q < count; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) v[u] = LOAD(x, from + min(q + u * LANES, count - 1u));
		[[unroll]] for (uint u = 0u; u < 4u; u++) m = max(m, max4(mix(vec4(LOW), v[u], inRow(q + u * LANES, width))));
	}
	return rowJoin(0u, vec2(m, 0), true).x;
}

#ifdef ALL
layout(push_constant) uniform Push { uint rows; };

void main() {
	float m = most(0u, rows, rows * 4u);
	if (LANE == 0u) top[0] = vec4(m);
}
#else
layout(push_constant) uniform Push { uint rows, quads, width; };

void main() {
	uint r = ROW;
	float m = most(min(r, rows - 1u) * quads, quads, width);
	if (LANE == 0u && r < rows) top[r] = vec4(m);
}
#endif
