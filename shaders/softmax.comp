#version 450
#extension GL_GOOGLE_include_directive : require
// y = softmax(x/τ) for each row, or its logarithm. The row's maximum is subtracted first.
// Bindings: 0 x, read: [rows][quads]   1 y, write.  Grid: x, z ⌈rows / 32⌉, one lane per row; both bound at the slice.
//! variant soft_plain
//! variant soft_texel -DTEXEL
//! variant log_plain -DLOG
//! variant log_texel -DLOG -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, quads, width; float scale; }; // scale = 1/τ
READS(0, x)
WRITES(1, y)

void main() {
	uint r = GROUP * 32u + gl_LocalInvocationID.x;
	if (r >= rows) return;
	float top = LOW, total = 0.0;
	for (uint q = 0u; q < quads; q++) top = max(top, max4(mix(vec4(LOW), LOAD(x, r * quads + q) * scale, inRow(q, width))));
	for (uint q = 0u; q < quads; q++) total += sum4(mix(vec4(0), exp(LOAD(x, r * quads + q) * scale - top), inRow(q, width)));
	for (uint q = 0u; q < quads; q++) {
		vec4 v = LOAD(x, r * quads + q) * scale - top;
#ifdef LOG
		v -= log(total);
#else
		v = exp(v) / total;
#endif
		y[r * quads + q] = mix(vec4(0), v, inRow(q, width));
	}
}
