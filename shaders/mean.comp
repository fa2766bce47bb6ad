#version 450
#extension GL_GOOGLE_include_directive : require
// The weighted mean of a loss over rows, from sums over groups of rows: loss[0] = (Σ row.x / Σ row.y, 0, 0, 0), mean[0] = (the same, Σ row.y, 0, 0).
// Bindings: 0 row, read: vec4[rows]   1 loss, write   2 mean, write.  One group, whose first lane adds in order.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows; };
READS(0, row)
WRITES(1, loss)
WRITES(2, mean)

void main() {
	if (gl_GlobalInvocationID.x != 0u) return;
	vec4 v = vec4(0);
	for (uint r = 0u; r < rows; r += 4u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			vec4 z = LOAD(row, min(r + u, rows - 1u));
			v += r + u < rows ? z : vec4(0);
		}
	}
	loss[0] = vec4(v.x / max(v.y, 1.0), 0, 0, 0);
	mean[0] = vec4(v.x / max(v.y, 1.0), v.y, 0, 0);
}
