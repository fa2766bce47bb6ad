#version 450
#extension GL_GOOGLE_include_directive : require
// Convolution as gather, lean family (no shared memory, no barrier): y[q k] (+)= Σ_taps Σ_c x[position(q, tap) c] · w[tap c k].
// It has four uses, which differ only in the geometry of the push constants:
//   forward          grid = output pixels, position = q·stride − pad + tap
//   dgrad, stride 1  grid = input pixels, position = q + pad − tap
//   dgrad, stride s  one dispatch for each of the s² classes of input pixels (h mod s, w mod s), with the taps of the class
//   A·B              one position per row, one tap; the matrices of a batch lie along y
// Bindings: 0 x, read: [n][inH inW][c4]   1 w, read: vectors along k, at wTap0 + r·wTapH + s·wTapW + c·wIn + k4
//           2 y, write or add: at n·outN + i·outH + j·outW + out0 + k4.  Bound at the slice: n from 0.
// Grid: x, z ⌈rows / (8·PX)⌉ · ⌈k4 / KB⌉, y matrices of a batch. One lane makes PX positions × KB vectors; lanes are neighboring positions.
//! variant k4_plain -DKB=4
//! variant k4_texel -DKB=4 -DTEXEL
//! variant k2_plain -DKB=2
//! variant k2_texel -DKB=2 -DTEXEL
//! variant k1_plain -DKB=1
//! variant k1_texel -DKB=1 -DTEXEL
#include "io.glsl"
#define PX 8
layout(local_size_x = 8) in;
#include "push_forward.glsl"
READS(0, x)
READS(1, w)
WRITES(2, y)

void main() {
	const int c4 = p.c4, inH = p.inH, inW = p.inW, dir = p.dir, wIn = p.wIn, lastC = p.c - 1;
	uint tiles = (p.rows + PX * 8u - 1u) / (PX * 8u), column = GROUP / tiles, first = (GROUP - column * tiles) * PX * 8u + gl_LocalInvocationID.x;
	int kb = int(column) * KB, batch = int(gl_WorkGroupID.y);
	if (kb >= p.k4) return; // surplus group of the grid
	vec4 s[PX * KB];
	int hi[PX], wi[PX], base[PX], dst[PX], kk[KB];
	[[unroll]] for (int i = 0; i < PX * KB; i++) s[i] = vec4(0);
	[[unroll]] for (int b = 0; b < KB; b++) kk[b] = min(kb + b, p.k4 - 1);
	[[unroll]] for (int i = 0; i < PX; i++) {
		uint q = min(first + i * 8u, p.rows - 1u);
		uint n = q / p.gridHW, r = q - n * p.gridHW, gi = r / p.gridW, gj = r - gi * p.gridW;
		hi[i] = int(gi) * p.step + p.offH;
		wi[i] = int(gj) * p.step + p.offW;
		base[i] = int(n) * inH * inW * c4 + batch * p.xBatch;
		dst[i] = batch * p.yBatch + int(n) * p.outN + int(gi) * p.outH + int(gj) * p.outW + p.out0;
	}
	for (int r = 0; r < p.tapsH; r++) for (int t = 0; t < p.tapsW; t++) {
		int a[PX];
		bool ok[PX];
		[[unroll]] for (int i = 0; i < PX; i++) {
			int h = hi[i] + r * dir, v = wi[i] + t * dir;
			ok[i] = uint(h) < uint(inH) && uint(v) < uint(inW);
			a[i] = ok[i] ? base[i] + (h * inW + v) * c4 : 0;
		}
		int wb = batch * p.wBatch + p.wTap0 + r * p.wTapH + t * p.wTapW;
		for (int c = 0; c < c4; c++) {
			vec4 v[PX];
			[[unroll]] for (int i = 0; i < PX; i++) {
				vec4 z = LOAD(x, a[i] + c);
				v[i] = ok[i] ? z : vec4(0);
			}
			// x's pad lanes are zero, so any existing row of w will do for them
			int w0 = wb + c * 4 * wIn, w1 = wb + min(c * 4 + 1, lastC) * wIn, w2 = wb + min(c * 4 + 2, lastC) * wIn, w3 = wb + min(c * 4 + 3, lastC) * wIn;
			[[unroll]] for (int b = 0; b < KB; b++) {
				vec4 g0 = LOAD(w, w0 + kk[b]), g1 = LOAD(w, w1 + kk[b]), g2 = LOAD(w, w2 + kk[b]), g3 = LOAD(w, w3 + kk[b]);
				[[unroll]] for (int i = 0; i < PX; i++) s[i * KB + b] += v[i].x * g0 + v[i].y * g1 + v[i].z * g2 + v[i].w * g3;
			}
		}
	}
	[[unroll]] for (int i = 0; i < PX; i++) [[unroll]] for (int b = 0; b < KB; b++)
		if (first + i * 8u < p.rows && kb + b < p.k4) WRITE(y, dst[i] + kb + b, p.add, s[i * KB + b]);
}
