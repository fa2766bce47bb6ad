#version 450
#extension GL_GOOGLE_include_directive : require
// Batch norm in inference: a = γ / √(σ² + ε), b = β − μ·a from the running statistics.
// Bindings: 0 gamma   1 beta   2 mean   3 var, read: [c4]   4 coef, write: [a b mean invstd][c4].  Grid: x ⌈c4 / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint c4; float eps; };
READS(0, gamma)
READS(1, beta)
READS(2, mean)
READS(3, var)
WRITES(4, coef)

void main() {
	uint c = gl_GlobalInvocationID.x;
	if (c >= c4) return;
	vec4 inv = 1.0 / sqrt(LOAD(var, c) + eps), a = LOAD(gamma, c) * inv, m = LOAD(mean, c);
	coef[c] = a;
	coef[c4 + c] = LOAD(beta, c) - m * a;
	coef[2u * c4 + c] = m;
	coef[3u * c4 + c] = inv;
}
