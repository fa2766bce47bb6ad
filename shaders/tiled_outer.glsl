// The operands of outer: A = dy, B = x at positions; both have the same layout in memory and in shared memory.
#include "push_weight.glsl"
READS(0, x)
READS(1, dy)
layout(binding = 2) writeonly buffer Part { vec4 part[]; };
#define LA (BK * M4 / WG) // vectors of A and B that an invocation loads a turn
#define LB (BK * N4 / WG)
#define RA (WG / M4)      // rows of A and B loaded at once
#define RB (WG / N4)

// A position: image n, row i, column j of the grid.
struct Place { int n, i, j; };
Place placeOf(int q) {
	int n = q / (p.gridH * p.gridW), r = q - n * p.gridH * p.gridW;
	return Place(n, r / p.gridW, r % p.gridW);
}
// further adds two positions, digit by digit.
Place further(Place a, Place by) {
	a.j += by.j;
	int carry = a.j >= p.gridW ? 1 : 0;
	a.j -= carry * p.gridW;
	a.i += by.i + carry;
	carry = a.i >= p.gridH ? 1 : 0;
	a.i -= carry * p.gridH;
	a.n += by.n + carry;
	return a;
}

void main() {
	int id = int(gl_LocalInvocationID.x), tx = id % STRIPS, ty = id / STRIPS, taps = p.tapsH * p.tapsW;
	int tileM, tileN;
	if (!tileOf((p.k4 + M4 - 1) / M4, (taps * p.c4 + N4 - 1) / N4, tileM, tileN)) return;
	int q0 = int(gl_WorkGroupID.y * p.chunk), q1 = int(min(uint(q0) + p.chunk, p.rows));
	int ca = min(tileM * M4 + id % M4, p.k4 - 1), cb = min(tileN * N4 + id % N4, taps * p.c4 - 1), tap = cb / p.c4;
	int r = tap / p.tapsW - p.pad, t = tap % p.tapsW - p.pad;
	cb -= tap * p.c4;
	Place at[LB], by = placeOf(BK);
	[[unroll]] for (int i = 0; i < LB; i++) at[i] = placeOf(q0 + id / N4 + i * RB);
	[[unroll]] for (int i = 0; i < 8 * NV; i++) sum[i] = vec4(0);
	vec4 a[LA], b[LB];
	for (int q = q0; q < q1 + BK; q += BK) {
		if (q > q0) {
			barrier();
			[[unroll]] for (int i = 0; i < LA; i++) tileA[(id / M4 + i * RA) * (M4 + 1) + id % M4] = a[i];
			[[unroll]] for (int i = 0; i < LB; i++) tileB[(id / N4 + i * RB) * (N4 + 1) + id % N4] = b[i];
			barrier();
		}
		if (q < q1) {
			[[unroll]] for (int i = 0; i < LA; i++) a[i] = LOAD(dy, min(q + id / M4 + i * RA, q1 - 1) * p.k4 + ca);
			[[unroll]] for (int i = 0; i < LB; i++) {
				int h = at[i].i * p.stride + r, v = at[i].j * p.stride + t;
				bool ok = uint(h) < uint(p.inH) && uint(v) < uint(p.inW) && q + id / N4 + i * RB < q1;
				vec4 z = LOAD(x, ok ? ((at[i].n * p.inH + h) * p.inW + v) * p.c4 + cb : 0);
				b[i] = ok ? z : vec4(0);
				at[i] = further(at[i], by);
			}
		}
		if (q > q0) multiply(ty, tx);
	}
	int o = int(p.chunk0 + gl_WorkGroupID.y) * p.k;
	[[unroll]] for (int i = 0; i < 8; i++) [[unroll]] for (int v = 0; v < NV; v++) {
		int k = tileM * BM + ROW(i), col = tileN * N4 + tx + v * STRIPS;
		if (k < p.k && col < taps * p.c4) part[(o + k) * taps * p.c4 + col] = sum[i * NV + v];
	}
}
