#version 450
#extension GL_GOOGLE_include_directive : require
// Depthwise convolution of stride 1: y[n p q c] (+)= Σ_{r s} x[n, p − padH + r, q − padW + s, c] · w[r s c], with zeros outside x. flip reverses the order of
// the taps, which makes the data gradient.
// A lane makes PX neighbors in a row, of one vector of channels. For each row of taps it reads PX + S − 1 vectors of x and S of w, and multiplies PX·S.
// Bindings: 0 x, read: [n][inH inW][c4]   1 w, read: [R S][c4]   2 y, write or add: [n][outH outW][c4]; x and y at the slice.
// Constants: 0 S, taps in a row, at most 7.  Grid: x, z ⌈n · outH · ⌈outW / PX⌉ · c4 / 32⌉. Neighbors are the next channels.
//! variant p8_plain -DPX=8
//! variant p8_texel -DPX=8 -DTEXEL
//! variant p4_plain -DPX=4
//! variant p4_texel -DPX=4 -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(constant_id = 1) const int S = 7;
layout(push_constant) uniform Push { uint n; int inH, inW, outH, outW, c4, tapsH, padH, padW; uint flip, add; };
READS(0, x)
READS(1, w)
WRITES(2, y)

void main() {
	int id = int(GROUP * 32u + gl_LocalInvocationID.x), strips = (outW + PX - 1) / PX;
	int c = id % c4, strip = id / c4, row = strip / strips, image = row / outH;
	if (uint(image) >= n) return;
	int q0 = (strip - row * strips) * PX, top = row - image * outH - padH, left = q0 - padW;
	int tap = (flip != 0u ? tapsH * S - 1 : 0) * c4 + c, next = flip != 0u ? -c4 : c4;
	vec4 sum[PX];
	[[unroll]] for (int i = 0; i < PX; i++) sum[i] = vec4(0);
	int r0 = max(0, -top), r1 = min(tapsH, inH - top);
	for (int r = r0; r < r1; r++) {
		int from = ((image * inH + top + r) * inW + left) * c4 + c, at = tap + r * S * next;
		vec4 v[PX + 6];
		[[unroll]] for (int j = 0; j < PX + S - 1; j++) {
			bool inside = uint(left + j) < uint(inW);
			vec4 z = LOAD(x, inside ? from + j * c4 : c);
			v[j] = inside ? z : vec4(0);
		}
		[[unroll]] for (int s = 0; s < S; s++) {
			vec4 t = LOAD(w, at + s * next);
			[[unroll]] for (int i = 0; i < PX; i++) sum[i] += v[i + s] * t;
		}
	}
	int to = (row * outW + q0) * c4 + c;
	[[unroll]] for (int i = 0; i < PX; i++)
		if (q0 + i < outW) WRITE(y, to + i * c4, add, sum[i]);
}
