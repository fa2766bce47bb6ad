// The operands of gather: A = x at positions; B = w.
#include "push_forward.glsl"
READS(0, x)
READS(1, w)
WRITES(2, y)
#ifdef MATRICES
#include "coop.glsl"
#elif defined(PAIRS)
#include "packed.glsl"
#else
#define BK 8                   // terms per iteration
#define PITCH_A (BK / 4 + 1)     // vectors from one row of A to the next, one of them padding against bank conflicts
#define PITCH_B (N4 + 1)       // vectors from one term of B to the next
#define TILE_B 0               // where B's tile begins
#define ROW(I) (ty + (I) * (BM / TM)) // row I of an invocation, within the tile
shared vec4 tileA[max(BM * PITCH_A, BM / TM * N4)]; // [row][terms]; at least the size that stats needs
shared vec4 tileB[BK * PITCH_B];                    // [term][column]
// multiply adds the product of the tiles in shared memory to sum.
void multiply(int ty, int tx) {
	[[unroll]] for (int k = 0; k < BK / 4; k++) {
		vec4 bs[4 * NV];
		[[unroll]] for (int u = 0; u < 4; u++) [[unroll]] for (int v = 0; v < NV; v++) bs[u * NV + v] = tileB[tx + (k * 4 + u) * PITCH_B + v * STRIPS];
		[[unroll]] for (int i = 0; i < TM; i++) {
			vec4 as = tileA[ROW(i) * PITCH_A + k];
			[[unroll]] for (int u = 0; u < 4; u++) [[unroll]] for (int v = 0; v < NV; v++) sum[i * NV + v] += as[u] * bs[u * NV + v];
		}
	}
}
#endif
#define LA (BM * BK / 4 / WG)  // vectors of A, of one row, and of B that an invocation loads
#define LB (BK * N4 / WG)

layout(constant_id = 3) const int STRIDE = 1; // y has STRIDE² classes of positions, each with taps of its own
#define CLASSES (STRIDE * STRIDE)
// The taps of the group's positions, and where they begin; as in push_forward.glsl.
int tapsH = p.tapsH, tapsW = p.tapsW, offH = p.offH, offW = p.offW, wTap0 = p.wTap0, out0 = p.out0;

// findClass sets them for class (a, b) of positions. Only taps r ≡ a + padding (modulo STRIDE) reach this class; along the width, t and b obey the same rule.
void findClass(int a, int b) {
	int r = (a + p.offH) % STRIDE, t = (b + p.offW) % STRIDE;
	offH = (a + p.offH - r) / STRIDE;
	offW = (b + p.offW - t) / STRIDE;
	wTap0 = (r * p.tapsW + t) * p.k4;
	out0 = p.outH / STRIDE * a + p.k4 * b;
	tapsH = max((p.tapsH - r + STRIDE - 1) / STRIDE, 0);
	tapsW = max((p.tapsW - t + STRIDE - 1) / STRIDE, 0);
	if (tapsH * tapsW == 0) tapsH = tapsW = 0;
}

// A place in the sum: tap (r, t), vector of channels c.
struct Term { int r, t, c; };

// pass goes to the next tap if c lies behind the last channel.
void pass(inout Term k) {
	bool tap = k.c >= p.c4;
	k.c -= tap ? p.c4 : 0;
	k.t += int(tap);
	bool row = k.t == tapsW;
	k.t = row ? 0 : k.t;
	k.r += int(row);
}

void advance(inout Term k, int by) {
	k.c += by;
	if (WHOLE) pass(k);
	else while (k.c >= p.c4) pass(k);
}

// What an invocation loads: its row's position and first vector of x; its column's first vector of w and its row of B; the terms of both.
int h, v, fromA, firstA, fromB, rowB;
Term ka, kb;
OPERAND a[LA], b[LB]; // the loaded operands
bool inside[LA];   // a is not zero
vec4 scales[LA], shifts[LA]; // of NORMED

void load() {
	int at;
	Term k = ka;
	[[unroll]] for (int i = 0; i < LA; i++) {
		inside[i] = all(bvec3(k.r < tapsH, uint(h + k.r * p.dir) < uint(p.inH), uint(v + k.t * p.dir) < uint(p.inW))); // && would be a branch
		if (i == 0 || !WHOLE) at = inside[i] ? fromA + ((k.r * p.inW + k.t) * p.dir * p.c4 + k.c) : 0;
		a[i] = LOAD(x, WHOLE ? at + i : at);
		if (NORMED) {
			uint c = uint(WHOLE ? firstA + k.c + i : k.c);
			scales[i] = normAt(c);
			shifts[i] = normAt(p.c4 + c);
		}
		if (!WHOLE) advance(k, 1);
	}
	// A is zero beyond the last tap and in x's pad lanes, so any existing row of w will do for them
	k = WHOLE ? ka : kb;
	int tap = (k.r < tapsH ? k.r : 0) * p.wTapH + k.t * p.wTapW;
	[[unroll]] for (int i = 0; i < LB; i++) b[i] = LOAD(w, fromB + (tap + (WHOLE ? k.c * 4 + i : min(k.c * 4 + rowB % 4 + i, p.c - 1)) * p.wIn));
	advance(ka, BK / 4);
	advance(kb, BK / 4);
}

// store writes the loaded operands to shared memory, from vectors toA and toB of the tiles on.
void store(int toA, int toB) {
#ifdef PAIRS
	[[unroll]] for (int i = 0; i < LA; i++) a[i] = inside[i] ? NORMED_OPERAND(a[i], scales[i], shifts[i]) : OPERAND(0);
	[[unroll]] for (int i = 0; i < LA; i += 2) tileA[toA + i / 2] = uvec4(a[i], a[i + 1]);
	[[unroll]] for (int i = 0; i < LB; i += 2) tileB[toB + i / 2 * PITCH_B] = pairsOf(b[i], b[i + 1]);
#else
	[[unroll]] for (int i = 0; i < LA; i++) tileA[toA + i] = inside[i] ? NORMED_OPERAND(a[i], scales[i], shifts[i]) : OPERAND(0);
	[[unroll]] for (int i = 0; i < LB; i++) tileB[toB + i * PITCH_B] = b[i];
#endif
}

#ifdef STATS
#include "tiled_stats.glsl"
#endif
#ifdef SUMS
#include "tiled_sums.glsl"
#endif

void main() {
	int id = int(gl_LocalInvocationID.x), tx = id % STRIPS, ty = id / STRIPS, rows = int(p.rows);
	int tileM, tileN;
	if (!tileOf(int(GROUP) / CLASSES, (rows + BM - 1) / BM, (p.k4 + N4 - 1) / N4, tileM, tileN)) return;
	if (STRIDE > 1) findClass(int(GROUP) % CLASSES / STRIDE, int(GROUP) % STRIDE);
	int batch = int(gl_WorkGroupID.y), m0 = tileM * BM, rowA = id * LA * 4 / BK;
	firstA = id * LA % (BK / 4);
	uint q = uint(min(m0 + rowA, rows - 1)), n = q / p.gridHW, rest = q - n * p.gridHW, gi = rest / p.gridW;
	h = int(gi) * p.step + offH;
	v = int(rest - gi * p.gridW) * p.step + offW;
	fromA = batch * p.xBatch + ((int(n) * p.inH + h) * p.inW + v) * p.c4;
	rowB = id / N4 * LB;
	fromB = batch * p.wBatch + wTap0 + min(tileN * N4 + id % N4, p.k4 - 1);
	ka = kb = Term(0, 0, 0);
	if (WHOLE) { // the invocations of a group load from one tap
		fromA += firstA;
		fromB += rowB * p.wIn;
	} else {
		advance(ka, firstA);
		advance(kb, rowB / 4);
	}
	int toA = rowA * PITCH_A + PLACE(firstA), toB = TILE_B + PLACE(rowB) * PITCH_B + id % N4;
	clear();
	load();
	store(toA, toB);
	barrier();
	int k = BK / 4, end = tapsH * tapsW * p.c4;
	if (k < end) do {
		load();
		multiply(ty, tx);
		barrier();
		store(toA, toB);
		barrier();
		k += BK / 4;
	} while (k < end);
	multiply(ty, tx);
	collect(ty, tx);
#ifdef SUMS
	beginSums(tileN, tx);
#endif
	[[unroll]] for (int i = 0; i < TM; i++) {
		uint q = uint(m0 + ROW(i));
		uint n = q / p.gridHW, r = q - n * p.gridHW, gi = r / p.gridW, gj = r - gi * p.gridW;
		int to = batch * p.yBatch + int(n) * p.outN + int(gi) * p.outH + int(gj) * p.outW + out0;
#ifdef SUMS
		putRow(i, to, tileN, tx, q < p.rows);
#else
		[[unroll]] for (int v = 0; v < NV; v++) {
			int col = tileN * N4 + tx + v * STRIPS;
			if (q < p.rows && col < p.k4) WRITE(y, to + col, p.add, sum[i * NV + v]);
		}
#endif
	}
#ifdef SUMS
	endSums(tileM, tileN, ty, tx);
#endif
#ifdef STATS
	if (HALF(2)) [[unroll]] for (int i = 0; i < TM * NV; i++) sum[i] = asStored(sum[i]); // the statistics are those of y
	stats(tileM, tileN, ty, tx, min(rows - m0, BM));
#endif
}
