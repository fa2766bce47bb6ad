#version 450
#extension GL_GOOGLE_include_directive : require
// dw[c t] += Σ_k part[k][t][c], k in order: the parts of depthwise_weight.comp, as weights [C R S 1] lie in memory.
// Bindings: 0 part, read: [parts][taps][⌈channels / 4⌉]   1 dw, add: [channels][taps], a vector whose first lane is the number.
// Grid: x, z ⌈taps · ⌈channels / 4⌉ / 32⌉. One lane sums one vector of channels.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint parts, taps, channels; };
READS(0, part)
WRITES(1, dw)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x, c4 = (channels + 3u) / 4u, t = i / c4, c = (i - t * c4) * 4u;
	if (t >= taps) return;
	vec4 v = vec4(0);
	for (uint k = 0u; k < parts; k++) v += LOAD(part, k * taps * c4 + i);
	[[unroll]] for (uint j = 0u; j < 4u; j++)
		if (c + j < channels) dw[(c + j) * taps + t].x += v[j];
}
