#version 450
#extension GL_GOOGLE_include_directive : require
// dx[i] (+)= dloss/count · (Σ over the n whose nearest row is i of w_n·(x_n − x_i + ε) − w_i·(x_i − x_j + ε)), with j the nearest row of i.
// Bindings: 0 x, read: [count][depth]   1 row, read: vec4[count] of koleo.comp, (·, ·, nearest, w); both whole   2 dloss, read: lane 0
//           3 dx, write or add: [rows][depth], at the slice, whose first row is row0
// Grid: x, z ⌈rows · depth / 32⌉, one lane per vector of dx.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, row0, count, depth, columns; float eps; uint add; }; // x has `columns` numbers in a row
READS(0, x)
READS(1, row)
READS(2, dloss)
WRITES(3, dx)

void main() {
	uint at = GROUP * 32u + gl_LocalInvocationID.x;
	if (at >= rows * depth) return;
	uint i = row0 + at / depth, q = at % depth;
	vec4 own = LOAD(x, i * depth + q), k = LOAD(row, i);
	vec4 v = -k.w * (own - LOAD(x, uint(k.z) * depth + q) + eps);
	for (uint n = 0u; n < count; n++) {
		k = LOAD(row, n);
		if (uint(k.z) == i) v += k.w * (LOAD(x, n * depth + q) - own + eps);
	}
	v = mix(vec4(0), v * (LOAD(dloss, 0).x / float(count)), inRow(q, columns));
	WRITE(dx, at, add, v);
}
