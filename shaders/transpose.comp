#version 450
#extension GL_GOOGLE_include_directive : require
// y[b t c k] = x[b k t c]: the weights as the convolution's gather reads them; with one t, a transposed matrix.
// Bindings: 0 x, read: [batch][k][taps][c4]   1 y, write: [batch][taps][c][k4]; lanes beyond k become zero.
// Grid: x, z ⌈batch · taps · c · k4 / 32⌉. One lane makes one vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint batch, taps, c, c4, k, k4; };
READS(0, x)
WRITES(1, y)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= batch * taps * c * k4) return;
	uint q = i % k4, rest = i / k4, ch = rest % c, t = rest / c % taps, b = rest / c / taps * k;
	vec4 v = vec4(0);
	[[unroll]] for (uint j = 0u; j < 4u; j++) {
		uint row = q * 4u + j;
		vec4 z = LOAD(x, ((b + min(row, k - 1u)) * taps + t) * c4 + ch / 4u);
		uint lane = ch & 3u;
		float e = lane == 0u ? z.x : lane == 1u ? z.y : lane == 2u ? z.z : z.w;
		v[j] = row < k ? e : 0.0;
	}
	y[i] = v;
}
