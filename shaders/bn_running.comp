#version 450
#extension GL_GOOGLE_include_directive : require
// Running statistics: for every micro-batch in order, mean ← (1 − m)·mean + m·batch mean, var ← (1 − m)·var + m·unbias·batch variance
// (torch.nn.BatchNorm2d; unbias = M/(M − 1)); without variance, var does not change. Nothing changes if halt is set.
// Bindings: 0 kept, read: [micro][mean σ²][c4]   1 mean, add   2 var, add   3 halt, read: uint.  Grid: x ⌈c4 / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint c4, micro, variance; float momentum, unbias; };
READS(0, kept)
WRITES(1, mean)
WRITES(2, var)
layout(binding = 3) readonly buffer Halt { uint halt[]; };

void main() {
	uint c = gl_GlobalInvocationID.x;
	if (c >= c4 || halt[0] != 0u) return;
	vec4 a = mean[c], b = var[c];
	for (uint k = 0u; k < micro; k++) {
		a = mix(a, LOAD(kept, k * 2u * c4 + c), momentum);
		b = mix(b, LOAD(kept, k * 2u * c4 + c4 + c) * unbias, momentum);
	}
	mean[c] = a;
	if (variance != 0u) var[c] = b;
}
