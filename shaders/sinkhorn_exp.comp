#version 450
#extension GL_GOOGLE_include_directive : require
// y = exp((x − top) · scale). Queued: the first `queued` rows are multiplied by a scalar.
// Bindings: 0 x, read: [rows][quads]   1 top, read: lane 0   2 y, write; x and y at the slice, which begins at row0
//           queued: 3 scalars, read: the factor is the number at `use`.  Grid: x, z ⌈rows · quads / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
//! variant queued_plain -DQUEUED
//! variant queued_texel -DQUEUED -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
READS(0, x)
READS(1, top)
WRITES(2, y)
#ifdef QUEUED
layout(push_constant) uniform Push { uint rows, quads, width; float scale; uint row0, queued, use; };
READS(3, scalars)
#else
layout(push_constant) uniform Push { uint rows, quads, width; float scale; };
#endif

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= rows * quads) return;
	vec4 v = exp((LOAD(x, i) - LOAD(top, 0).x) * scale);
#ifdef QUEUED
	if (row0 + i / quads < queued) v *= LOAD(scalars, use / 4u)[use % 4u];
#endif
	y[i] = mix(vec4(0), v, inRow(i % quads, width));
}
