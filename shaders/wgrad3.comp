#version 450
#extension GL_GOOGLE_include_directive : require
// Weight gradient, lean family, for three taps per row and stride 1: sum, bindings and constants of wgrad.comp. A lane makes a row of taps for
// 4·KB × 4·CB channels from U neighboring positions per iteration: three taps need U + 2 vectors of x and U of dy.
// gridW is a multiple of U.  Grid: x, z ⌈tiles / 8⌉ with tiles = ⌈c4 / CB⌉ · tapsH · ⌈k4 / KB⌉, y chunks of the slice.
//! variant u8_plain -DU=8
//! variant u8_texel -DU=8 -DTEXEL
//! variant u4_plain -DU=4
//! variant u4_texel -DU=4 -DTEXEL
#include "io.glsl"
#define CB 2
#define KB 1
layout(local_size_x = 8) in;
#include "push_weight.glsl"
READS(0, x)
READS(1, dy)
WRITES(2, part)

void main() {
	const int c4 = p.c4, k4 = p.k4, inH = p.inH, inW = p.inW, gw = p.gridW, gh = p.gridH;
	uint id = GROUP * 8u + gl_LocalInvocationID.x;
	int tile = int(min(id, p.tiles - 1u)), cT = (c4 + CB - 1) / CB;
	int cb = tile % cT * CB, rest = tile / cT, tapR = rest % p.tapsH, kb = rest / p.tapsH * KB;
	int cc[CB], kk[KB];
	[[unroll]] for (int i = 0; i < CB; i++) cc[i] = min(cb + i, c4 - 1);
	[[unroll]] for (int i = 0; i < KB; i++) kk[i] = min(kb + i, k4 - 1);
	vec4 s[3 * KB * 4 * CB];
	[[unroll]] for (int i = 0; i < 3 * KB * 4 * CB; i++) s[i] = vec4(0);
	int q0 = int(gl_WorkGroupID.y * p.chunk), q1 = int(min(uint(q0) + p.chunk, p.rows));
	int n = q0 / (gh * gw), gi = (q0 - n * gh * gw) / gw, gj = q0 - (n * gh + gi) * gw;
	for (int q = q0; q < q1; q += U) {
		int h = gi + tapR - p.pad, left = gj - p.pad, row = (n * inH + h) * inW;
		vec4 a[(U + 2) * CB], d[U * KB];
		[[unroll]] for (int u = 0; u < U + 2; u++) {
			bool ok = uint(h) < uint(inH) && uint(left + u) < uint(inW);
			int at = ok ? (row + left + u) * c4 : 0;
			[[unroll]] for (int i = 0; i < CB; i++) {
				vec4 z = LOAD(x, at + cc[i]);
				a[u * CB + i] = ok ? z : vec4(0);
			}
		}
		[[unroll]] for (int u = 0; u < U; u++) [[unroll]] for (int i = 0; i < KB; i++) d[u * KB + i] = LOAD(dy, (q + u) * k4 + kk[i]);
		[[unroll]] for (int t = 0; t < 3; t++) [[unroll]] for (int j = 0; j < 4 * KB; j++) [[unroll]] for (int i = 0; i < CB; i++) {
			vec4 z = s[(t * 4 * KB + j) * CB + i];
			[[unroll]] for (int u = 0; u < U; u++) z += d[u * KB + j / 4][j % 4] * a[(u + t) * CB + i];
			s[(t * 4 * KB + j) * CB + i] = z;
		}
		gj += U;
		bool wrap = gj == gw;
		gj = wrap ? 0 : gj;
		gi += wrap ? 1 : 0;
		wrap = gi == gh;
		gi = wrap ? 0 : gi;
		n += wrap ? 1 : 0;
	}
	int o = int(p.chunk0 + gl_WorkGroupID.y) * p.k, tap = tapR * 3;
	[[unroll]] for (int t = 0; t < 3; t++) [[unroll]] for (int j = 0; j < 4 * KB; j++) [[unroll]] for (int i = 0; i < CB; i++)
		if (id < p.tiles && cb + i < c4 && kb * 4 + j < p.k)
			part[((o + kb * 4 + j) * p.tapsH * 3 + tap + t) * c4 + cb + i] = s[(t * 4 * KB + j) * CB + i];
}
