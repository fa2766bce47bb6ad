#version 450
#extension GL_GOOGLE_include_directive : require
// Weight gradient of depthwise.comp, partial sums: part[k][r s][c] = Σ dy[n p q c] · x[n, p − padH + r, q − padW + s, c] over the positions of part k: one of
// `bands` bands of bandH rows, of each of `per` images. depthwise_merge.comp adds the parts in a fixed order.
// A lane makes one row of taps of one vector of channels. From PX neighbors it reads PX + S − 1 vectors of x and PX of dy, and multiplies PX·S.
// Bindings: 0 x, read: [n][inH inW][c4]   1 dy, read: [n][outH outW][c4]   2 part, write: [parts][tapsH S][c4]; x and dy at the slice, which starts at part0.
// Constants: 0 S, taps in a row, at most 7.  Grid: x, z ⌈parts of the slice · tapsH · c4 / 32⌉. Neighbors are the next channels.
//! variant p8_plain -DPX=8
//! variant p8_texel -DPX=8 -DTEXEL
//! variant p4_plain -DPX=4
//! variant p4_texel -DPX=4 -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(constant_id = 1) const int S = 7;
layout(push_constant) uniform Push { int n, inH, inW, outH, outW, c4, tapsH, padH, padW, per, bands, bandH, part0; };
READS(0, x)
READS(1, dy)
WRITES(2, part)

void main() {
	int id = int(GROUP * 32u + gl_LocalInvocationID.x), c = id % c4, r = id / c4 % tapsH, k = id / (c4 * tapsH);
	int image = k / bands * per, images = min(per, n - image);
	if (images <= 0) return;
	vec4 sum[7];
	[[unroll]] for (int s = 0; s < S; s++) sum[s] = vec4(0);
	int first = k % bands * bandH, p0 = max(first, padH - r), p1 = min(min(first + bandH, outH), inH + padH - r);
	for (int i = 0; i < images; i++) for (int p = p0; p < p1; p++) {
		int xRow = ((image + i) * inH + p - padH + r) * inW, row = ((image + i) * outH + p) * outW;
		for (int q = 0; q < outW; q += PX) {
			vec4 v[PX + 6], d[PX];
			[[unroll]] for (int j = 0; j < PX + S - 1; j++) {
				int h = q - padW + j;
				bool inside = uint(h) < uint(inW);
				vec4 z = LOAD(x, (inside ? xRow + h : 0) * c4 + c);
				v[j] = inside ? z : vec4(0);
			}
			[[unroll]] for (int j = 0; j < PX; j++) {
				vec4 z = LOAD(dy, (row + min(q + j, outW - 1)) * c4 + c);
				d[j] = q + j < outW ? z : vec4(0);
			}
			[[unroll]] for (int s = 0; s < S; s++) [[unroll]] for (int j = 0; j < PX; j++) sum[s] += d[j] * v[j + s];
		}
	}
	int to = ((part0 + k) * tapsH + r) * S * c4 + c;
	[[unroll]] for (int s = 0; s < S; s++) part[to + s * c4] = sum[s];
}
