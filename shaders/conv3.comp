#version 450
#extension GL_GOOGLE_include_directive : require
// Convolution as gather, lean family, for three taps per row and stride 1: sum, bindings and constants of conv.comp. A lane makes PX neighbors in a row
// of the grid, whose taps overlap: three taps need PX + 2 vectors of x, where conv.comp reads 3·PX.
// gridW is a multiple of PX.  Grid: x, z ⌈rows / (8·PX)⌉ · ⌈k4 / KB⌉, y matrices of a batch (one).
//! variant r16_plain -DPX=16 -DKB=2
//! variant r16_texel -DPX=16 -DKB=2 -DTEXEL
//! variant r8_plain -DPX=8 -DKB=4
//! variant r8_texel -DPX=8 -DKB=4 -DTEXEL
#include "io.glsl"
layout(local_size_x = 8) in;
#include "push_forward.glsl"
READS(0, x)
READS(1, w)
WRITES(2, y)

void main() {
	const int c4 = p.c4, inH = p.inH, inW = p.inW, wIn = p.wIn, lastC = p.c - 1;
	uint tiles = (p.rows + PX * 8u - 1u) / (PX * 8u), column = GROUP / tiles, q = ((GROUP - column * tiles) * 8u + gl_LocalInvocationID.x) * PX;
	bool some = q < p.rows;
	q = some ? q : 0u;
	int kb = int(column) * KB;
	if (kb >= p.k4) return; // surplus group of the grid
	vec4 s[PX * KB];
	int kk[KB];
	[[unroll]] for (int i = 0; i < PX * KB; i++) s[i] = vec4(0);
	[[unroll]] for (int b = 0; b < KB; b++) kk[b] = min(kb + b, p.k4 - 1);
	uint n = q / p.gridHW, rest = q - n * p.gridHW, gi = rest / p.gridW, gj = rest - gi * p.gridW;
	// columns begin at the leftmost tap; taps have the order of columns if dir is 1, else the reverse order
	int left = int(gj) + p.offW + (p.dir > 0 ? 0 : -2), tap0 = p.wTap0 + (p.dir > 0 ? 0 : 2 * p.wTapW), tapW = p.dir * p.wTapW;
	for (int r = 0; r < p.tapsH; r++) {
		int h = int(gi) + p.offH + r * p.dir, row = (int(n) * inH + h) * inW;
		int a[PX + 2];
		bool ok[PX + 2];
		[[unroll]] for (int j = 0; j < PX + 2; j++) {
			ok[j] = uint(h) < uint(inH) && uint(left + j) < uint(inW);
			a[j] = ok[j] ? (row + left + j) * c4 : 0;
		}
		int wb = tap0 + r * p.wTapH;
		for (int c = 0; c < c4; c++) {
			vec4 v[PX + 2];
			[[unroll]] for (int j = 0; j < PX + 2; j++) {
				vec4 z = LOAD(x, a[j] + c);
				v[j] = ok[j] ? z : vec4(0);
			}
			// x's pad lanes are zero, so any existing row of w will do for them
			int w0 = wb + c * 4 * wIn, w1 = wb + min(c * 4 + 1, lastC) * wIn, w2 = wb + min(c * 4 + 2, lastC) * wIn, w3 = wb + min(c * 4 + 3, lastC) * wIn;
			[[unroll]] for (int b = 0; b < KB; b++) {
				vec4 g[12];
				[[unroll]] for (int t = 0; t < 3; t++) {
					int at = t * tapW + kk[b];
					g[t * 4] = LOAD(w, w0 + at);
					g[t * 4 + 1] = LOAD(w, w1 + at);
					g[t * 4 + 2] = LOAD(w, w2 + at);
					g[t * 4 + 3] = LOAD(w, w3 + at);
				}
				[[unroll]] for (int i = 0; i < PX; i++) {
					vec4 z = s[i * KB + b];
					[[unroll]] for (int t = 0; t < 3; t++) z += v[i + t].x * g[t * 4] + v[i + t].y * g[t * 4 + 1] + v[i + t].z * g[t * 4 + 2] + v[i + t].w * g[t * 4 + 3];
					s[i * KB + b] = z;
				}
			}
		}
	}
	int to = int(n) * p.outN + int(gi) * p.outH + int(gj) * p.outW + p.out0;
	[[unroll]] for (int i = 0; i < PX; i++) [[unroll]] for (int b = 0; b < KB; b++)
		if (some && kb + b < p.k4) WRITE(y, to + i * p.outW + kb + b, p.add, s[i * KB + b]);
}
