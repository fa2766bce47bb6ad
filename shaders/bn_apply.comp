#version 450
#extension GL_GOOGLE_include_directive : require
// y = a·x + b (+ residual r, or a'·r + b' if residual is 2), then ReLU if relu. With bits, bit 4·(row mod 8) + i of open[row / 8][c4] is 1 where element i is positive.
// Bindings: 0 x   1 coef [a b …][c4]   2 r   3 y, write   4 coef of r   5 open, write;  x, r, y: [rows][c4] at the slice, whose first row is row0
// Grid: x, z ⌈⌈rows / 8⌉ · c4 / 32⌉. One lane makes one vector of channels of eight rows.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, c4, residual, relu, bits, row0; };
READS(0, x)
READS(1, coef)
READS(2, res)
WRITES(3, y)
READS(4, coefRes)
layout(binding = 5) writeonly buffer Open { uint open[]; };

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, row = id / c4 * 8u;
	vec4 a = LOAD(coef, c), b = LOAD(coef, c4 + c), ar = vec4(1), br = vec4(0);
	if (residual == 2u) {
		ar = LOAD(coefRes, c);
		br = LOAD(coefRes, c4 + c);
	}
	uint positive = 0u;
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = min(row + k, rows - 1u) * c4 + c;
		vec4 v = a * LOAD(x, i) + b;
		if (residual == 1u) v += LOAD(res, i);
		if (residual == 2u) v += ar * LOAD(res, i) + br;
		if (relu != 0u) v = max(v, vec4(0));
		if (row + k < rows) STORE(y, i, v);
		if (bits != 0u) [[unroll]] for (uint j = 0u; j < 4u; j++) positive |= uint(v[j] > 0.0) << (4u * k + j);
	}
	if (bits != 0u && row < rows) open[(row0 + row) / 8u * c4 + c] = positive;
}
