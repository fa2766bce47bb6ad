// The operands of gather: A = x at positions, transposed on the way into shared memory; B = w.
#include "push_forward.glsl"
READS(0, x)
READS(1, w)
WRITES(2, y)
#define LA (BM * BK / 4 / WG) // vectors of A and B that an invocation loads a turn
#define LB (BK * BN / 4 / WG)
#define SLOTS (WG / N4)       // rows of B loaded at once

// A place in the sum: tap (r, t), vector of channels c.
struct Term { int r, t, c; };
void advance(inout Term k, int by) {
	k.c += by;
	while (k.c >= p.c4) {
		k.c -= p.c4;
		k.t++;
		if (k.t == p.tapsW) {
			k.t = 0;
			k.r++;
		}
	}
}

#ifdef STATS
#include "tiled_stats.glsl"
#endif

void main() {
	int id = int(gl_LocalInvocationID.x), tx = id % STRIPS, ty = id / STRIPS, rows = int(p.rows);
	int tileM, tileN;
	if (!tileOf((rows + BM - 1) / BM, (p.k4 + N4 - 1) / N4, tileM, tileN)) return;
	int batch = int(gl_WorkGroupID.y), m0 = tileM * BM;
	int base[LA], hi[LA], wi[LA];
	[[unroll]] for (int i = 0; i < LA; i++) {
		uint q = uint(min(m0 + id / 4 + i * (WG / 4), rows - 1)), n = q / p.gridHW, r = q - n * p.gridHW, gi = r / p.gridW, gj = r - gi * p.gridW;
		base[i] = batch * p.xBatch + int(n) * p.inH * p.inW * p.c4;
		hi[i] = int(gi) * p.step + p.offH;
		wi[i] = int(gj) * p.step + p.offW;
	}
	int slot = id / N4, e0 = slot % (SLOTS / 4) * LB, column = min(tileN * N4 + id % N4, p.k4 - 1) + p.wTap0 + batch * p.wBatch;
	Term ka = Term(0, 0, 0), kb = Term(0, 0, 0);
	advance(ka, id % 4);
	advance(kb, slot / (SLOTS / 4));
	[[unroll]] for (int i = 0; i < 8 * NV; i++) sum[i] = vec4(0);
	int turns = (p.tapsH * p.tapsW * p.c4 + 3) / 4;
	vec4 a[LA], b[LB];
	for (int turn = 0; turn <= turns; turn++) {
		if (turn > 0) {
			barrier();
			[[unroll]] for (int i = 0; i < LA; i++) [[unroll]] for (int e = 0; e < 4; e++) {
				int m = id / 4 + i * (WG / 4);
				tileA[(id % 4 * 4 + e) * (M4 + 1) + m / 4][m % 4] = a[i][e];
			}
			[[unroll]] for (int i = 0; i < LB; i++) tileB[(slot / (SLOTS / 4) * 4 + e0 + i) * (N4 + 1) + id % N4] = b[i];
			barrier();
		}
		if (turn < turns) {
			[[unroll]] for (int i = 0; i < LA; i++) {
				int h = hi[i] + ka.r * p.dir, v = wi[i] + ka.t * p.dir;
				bool ok = ka.r < p.tapsH && uint(h) < uint(p.inH) && uint(v) < uint(p.inW);
				vec4 z = LOAD(x, ok ? base[i] + (h * p.inW + v) * p.c4 + ka.c : 0);
				a[i] = ok ? z : vec4(0);
			}
			// A is zero beyond the last tap and in x's pad lanes, so any existing row of w will do for them
			int tap = kb.r < p.tapsH ? column + kb.r * p.wTapH + kb.t * p.wTapW : column;
			[[unroll]] for (int i = 0; i < LB; i++) b[i] = LOAD(w, tap + min(kb.c * 4 + e0 + i, p.c - 1) * p.wIn);
			advance(ka, 4);
			advance(kb, 4);
		}
		if (turn > 0) multiply(ty, tx);
	}
	[[unroll]] for (int i = 0; i < 8; i++) {
		uint q = uint(m0 + ROW(i));
		uint n = q / p.gridHW, r = q - n * p.gridHW, gi = r / p.gridW, gj = r - gi * p.gridW;
		int to = batch * p.yBatch + int(n) * p.outN + int(gi) * p.outH + int(gj) * p.outW + p.out0;
		[[unroll]] for (int v = 0; v < NV; v++) {
			int col = tileN * N4 + tx + v * STRIPS;
			if (q < p.rows && col < p.k4) WRITE(y, to + col, p.add, sum[i * NV + v]);
		}
	}
#ifdef STATS
	if (HALF(2)) [[unroll]] for (int i = 0; i < 8 * NV; i++) sum[i] = unpackHalves(packHalves(sum[i])); // the statistics are those of y
	stats(tileM, tileN, ty, tx, min(rows - m0, BM));
#endif
}
