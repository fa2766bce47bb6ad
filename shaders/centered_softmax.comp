#version 450
#extension GL_GOOGLE_include_directive : require
// y = softmax((x − c)/τ) for each row, where τ is a scalar of the step. The row's maximum is subtracted first.
// Bindings: 0 x, read: [rows][quads] at the slice   1 c, read: [quads]   2 scalars, read: float[64]   3 y, write.
// Grid: x, z rows. A group computes a row, a lane every 32nd vector of it. Each lane adds the sums of all lanes in order.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, quads, width, temperature; };
READS(0, x)
READS(1, c)
READS(2, scalars)
WRITES(3, y)
shared vec2 shares[32];

void main() {
	uint r = GROUP;
	if (r >= rows) return;
	float scale = 1.0 / LOAD(scalars, temperature / 4u)[temperature % 4u], top = LOW, total = 0.0;
	for (uint q = gl_LocalInvocationID.x; q < quads; q += 128u) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uint at = min(q + u * 32u, quads - 1u);
			v[u] = mix(vec4(LOW), (LOAD(x, r * quads + at) - LOAD(c, at)) * scale, inRow(q + u * 32u, width));
		}
		logSumExp(v, top, total);
	}
	shares[gl_LocalInvocationID.x] = vec2(top, total);
	barrier();
	top = LOW;
	total = 0.0;
	for (uint l = 0u; l < 32u; l++) {
		float now = max(top, shares[l].x);
		total = total * exp(top - now) + shares[l].y * exp(shares[l].x - now);
		top = now;
	}
	for (uint q = gl_LocalInvocationID.x; q < quads; q += 32u) {
		vec4 v = exp((LOAD(x, r * quads + q) - LOAD(c, q)) * scale - top) / total;
		y[r * quads + q] = mix(vec4(0), v, inRow(q, width));
	}
}
