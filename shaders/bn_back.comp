#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of batch norm: dx (+)= A·dy' + B + C·x̂ and, if there is a residual, dres (+)= dy'; see bn_back_merge.comp, and bn_back_sum.comp for relu.
// Bindings: 0 dy   1 x   2 y   3 coef [A b mean invstd][c4]   4 back [B C …][c4]   5 dx   6 dres (any writable range if there is none)
//           dy, x, y, dx, dres: [rows][c4] at the slice.  Grid as bn_apply.comp.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, c4, relu, residual, addX, addRes; };
READS(0, dy)
READS(1, x)
READS(2, y)
READS(3, coef)
READS(4, back)
WRITES(5, dx)
WRITES(6, dres)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, row = id / c4 * 8u;
	vec4 a = LOAD(coef, c), shift = LOAD(coef, c4 + c), mean = LOAD(coef, 2u * c4 + c), inv = LOAD(coef, 3u * c4 + c), b = LOAD(back, c), s = LOAD(back, c4 + c) * inv;
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = min(row + k, rows - 1u) * c4 + c;
		vec4 d = LOAD(dy, i), z = LOAD(x, i);
		if (relu != 0u) d = mix(vec4(0), d, greaterThan(relu == 2u ? a * z + shift : LOAD(y, i), vec4(0)));
		vec4 v = a * d + b + s * (z - mean);
		if (row + k < rows) {
			WRITE(dx, i, addX, v);
			if (residual != 0u) WRITE(dres, i, addRes, d);
		}
	}
}
