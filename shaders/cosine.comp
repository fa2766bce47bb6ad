#version 450
#extension GL_GOOGLE_include_directive : require
// Cosines of rows, cos = a·b / (|a||b|), norms at least ε: kept[r] = (cos, |a|, |b|, 0), row[r] = (offset − slope · cos, 1, 0, 0).
// Bindings: 0 a   1 b, read: [rows][quads]   2 row   3 kept, write: vec4[rows].  Grid: x, z ⌈rows / 32⌉, one lane per row; all bound at the slice.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, quads; float eps, offset, slope; };
READS(0, a)
READS(1, b)
WRITES(2, row)
WRITES(3, kept)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	vec4 aa = vec4(0), ab = vec4(0), bb = vec4(0);
	for (uint q = 0u; q < quads; q++) {
		vec4 u = LOAD(a, r * quads + q), v = LOAD(b, r * quads + q);
		aa += u * u;
		ab += u * v;
		bb += v * v;
	}
	float na = max(sqrt(sum4(aa)), eps), nb = max(sqrt(sum4(bb)), eps), cosine = sum4(ab) / na / nb;
	row[r] = vec4(offset - slope * cosine, 1, 0, 0);
	kept[r] = vec4(cosine, na, nb, 0);
}
