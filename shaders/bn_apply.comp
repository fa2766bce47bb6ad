#version 450
#extension GL_GOOGLE_include_directive : require
// y = a·x + b (+ residual), then ReLU if relu.
// Bindings: 0 x   1 coef [a b …][c4]   2 residual (x if there is none)   3 y, write; x, residual, y: [rows][c4] at the slice
// Grid: x, z ⌈⌈rows / 8⌉ · c4 / 32⌉. One lane makes one vector of channels of eight rows.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, c4, residual, relu; };
READS(0, x)
READS(1, coef)
READS(2, res)
WRITES(3, y)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, row = id / c4 * 8u;
	vec4 a = LOAD(coef, c), b = LOAD(coef, c4 + c);
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = min(row + k, rows - 1u) * c4 + c;
		vec4 v = a * LOAD(x, i) + b;
		if (residual != 0u) v += LOAD(res, i);
		if (relu != 0u) v = max(v, vec4(0));
		if (row + k < rows) STORE(y, i, v);
	}
}
