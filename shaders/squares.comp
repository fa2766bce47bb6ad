#version 450
#extension GL_GOOGLE_include_directive : require
// part[b] = (Σ g², Σ p², Σ g·p, 0) over the 16 vectors of block b of the flat sets, each clamped to ±3e38.
// Bindings: 0 grad   1 p, read: [blocks][16]   2 part, write: vec4[blocks]; at the slice.
// Grid: x, z ⌈blocks / 8⌉. A group handles eight blocks, one lane per vector; then eight lanes add one block each, in order.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 128) in;
layout(push_constant) uniform Push { uint blocks; };
READS(0, grad)
READS(1, p)
WRITES(2, part)
shared vec4 products[128];

void main() {
	uint l = gl_LocalInvocationID.x, i = min(GROUP * 128u + l, blocks * 16u - 1u), b = GROUP * 8u + l;
	vec4 g = LOAD(grad, i), w = LOAD(p, i);
	products[l] = vec4(dot(g, g), dot(w, w), dot(g, w), 0);
	barrier();
	if (l >= 8u || b >= blocks) return;
	vec4 v = vec4(0);
	for (uint k = 0u; k < 16u; k++) v += products[l * 16u + k];
	part[b] = clamp(v, vec4(-3e38), vec4(3e38));
}
