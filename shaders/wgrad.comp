#version 450
#extension GL_GOOGLE_include_directive : require
// Weight gradient, lean family: part[chunk][k tap c4] = Σ_{q in chunk} dy[q k] · x[position(q, tap) c4], position = q·stride − pad + tap.
// With one tap and one position per row it is Aᵀ·B. reduce.comp adds the chunks in a fixed order.
// Bindings: 0 x, read: [n][inH inW][c4]   1 dy, read: [q][k4]   2 part, write: [chunk][k][tap][c4].  x, dy bound at the slice.
// Grid: x, z ⌈tiles / 8⌉ with tiles = ⌈c4 / CB⌉ · taps · ⌈k4 / KB⌉, y chunks of the slice. One lane sums one tile of 4·KB × 4·CB over a chunk.
//! variant c4_plain -DCB=4 -DKB=2
//! variant c4_texel -DCB=4 -DKB=2 -DTEXEL
//! variant c1_plain -DCB=1 -DKB=4
//! variant c1_texel -DCB=1 -DKB=4 -DTEXEL
#include "io.glsl"
#define U 4 // positions a turn: what the loop costs is shared by four
layout(local_size_x = 8) in;
#include "push_weight.glsl"
READS(0, x)
READS(1, dy)
WRITES(2, part)

void main() {
	const int c4 = p.c4, k4 = p.k4, inH = p.inH, inW = p.inW, gw = p.gridW, gh = p.gridH, st = p.stride;
	uint id = GROUP * 8u + gl_LocalInvocationID.x;
	int tile = int(min(id, p.tiles - 1u)), cT = (c4 + CB - 1) / CB, taps = p.tapsH * p.tapsW;
	int cb = tile % cT * CB, rest = tile / cT, tap = rest % taps, kb = rest / taps * KB;
	int r = tap / p.tapsW - p.pad, t = tap % p.tapsW - p.pad;
	int cc[CB], kk[KB];
	[[unroll]] for (int i = 0; i < CB; i++) cc[i] = min(cb + i, c4 - 1);
	[[unroll]] for (int i = 0; i < KB; i++) kk[i] = min(kb + i, k4 - 1);
	vec4 s[KB * 4 * CB];
	[[unroll]] for (int i = 0; i < KB * 4 * CB; i++) s[i] = vec4(0);
	int q0 = int(gl_WorkGroupID.y * p.chunk), q1 = int(min(uint(q0) + p.chunk, p.rows));
	int n = q0 / (gh * gw), gi = (q0 - n * gh * gw) / gw, gj = q0 - (n * gh + gi) * gw;
	for (int q = q0; q < q1; q += U) {
		vec4 a[U * CB], d[U * KB];
		[[unroll]] for (int u = 0; u < U; u++) {
			int h = gi * st + r, v = gj * st + t;
			bool ok = uint(h) < uint(inH) && uint(v) < uint(inW) && q + u < q1;
			int at = ok ? ((n * inH + h) * inW + v) * c4 : 0, to = min(q + u, q1 - 1) * k4;
			[[unroll]] for (int i = 0; i < CB; i++) {
				vec4 z = LOAD(x, at + cc[i]);
				a[u * CB + i] = ok ? z : vec4(0);
			}
			[[unroll]] for (int i = 0; i < KB; i++) d[u * KB + i] = LOAD(dy, to + kk[i]);
			gj++;
			bool wrap = gj == gw;
			gj = wrap ? 0 : gj;
			gi += wrap ? 1 : 0;
			wrap = gi == gh;
			gi = wrap ? 0 : gi;
			n += wrap ? 1 : 0;
		}
		[[unroll]] for (int j = 0; j < 4 * KB; j++) [[unroll]] for (int i = 0; i < CB; i++) {
			vec4 z = s[j * CB + i];
			[[unroll]] for (int u = 0; u < U; u++) z += d[u * KB + j / 4][j % 4] * a[u * CB + i];
			s[j * CB + i] = z;
		}
	}
	int o = int(p.chunk0 + gl_WorkGroupID.y) * p.k;
	[[unroll]] for (int j = 0; j < 4 * KB; j++) [[unroll]] for (int i = 0; i < CB; i++)
		if (id < p.tiles && cb + i < c4 && kb * 4 + j < p.k) part[((o + kb * 4 + j) * taps + tap) * c4 + cb + i] = s[j * CB + i];
}
