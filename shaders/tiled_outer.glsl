// The operands of outer: A = dy, B = x at positions; both have the same layout in memory and in shared memory.
#include "push_weight.glsl"
READS(0, x)
READS(1, dy)
layout(binding = 2) writeonly buffer Part { vec4 part[]; };
// NORM_BACK: dy is the gradient of a batch norm's result, and A that of its input, a·dy + s·z + e; see bn_back.comp. The groups of the tap in the middle, which
// meet every position, store it.
layout(constant_id = 3) const bool NORM_BACK = false;
READS(4, z)
WRITES(5, dz)
BOTH(6, readonly, back) // [B C a s e][c4]
#ifdef MATRICES
#include "coop.glsl"
#elif defined(PAIRS)
#include "packed.glsl"
#else
#define BK 8             // positions per iteration
#define PITCH_A (M4 + 1) // vectors from one position of A to the next, one of them padding against bank conflicts; and of B
#define PITCH_B (N4 + 1)
#define TILE_B 0         // where B's tile begins
#define ROW(I) ((I) / 4 * (BM / 2) + ty * 4 + (I) % 4) // row I of an invocation, within the tile
shared vec4 tileA[BK * PITCH_A]; // [position][row]
shared vec4 tileB[BK * PITCH_B]; // [position][column]

// multiply adds the product of the tiles in shared memory to sum. It reads B of the next position before the products of this one: without, Mesa's compiler
// for RDNA 2 spares registers and copies them.
void multiply(int ty, int tx) {
	vec4 next[NV];
	[[unroll]] for (int v = 0; v < NV; v++) next[v] = tileB[tx + v * STRIPS];
	[[unroll]] for (int k = 0; k < BK; k++) {
		vec4 as[MV], bs[NV] = next;
		[[unroll]] for (int i = 0; i < MV; i++) as[i] = tileA[ty + k * PITCH_A + i * (M4 / 2)];
		if (k + 1 < BK) [[unroll]] for (int v = 0; v < NV; v++) next[v] = tileB[tx + (k + 1) * PITCH_B + v * STRIPS];
		[[unroll]] for (int i = 0; i < TM; i++) [[unroll]] for (int v = 0; v < NV; v++) sum[i * NV + v] += as[i / 4][i % 4] * bs[v];
	}
}
#endif
#define BESIDE (WG / BK * TOGETHER) // invocations that load the vectors of one position, or of positions BK / TOGETHER apart
#define LA (M4 / BESIDE) // vectors of A and B that each of them loads
#define LB (N4 / BESIDE)

// A field is the part of the grid of each image whose positions are summed: rows from i, columns from j.
struct Field { int i, j, rows, columns; };

// fieldOf returns the positions whose vector of x at tap (r, t) lies in the image. The others would add zeros.
Field fieldOf(int r, int t) {
	Field f;
	f.i = (max(-r, 0) + p.stride - 1) / p.stride;
	f.j = (max(-t, 0) + p.stride - 1) / p.stride;
	f.rows = max(min(p.gridH, (p.inH - r + p.stride - 1) / p.stride) - f.i, 0);
	f.columns = max(min(p.gridW, (p.inW - t + p.stride - 1) / p.stride) - f.j, 0);
	return f;
}

// A position: image n, row i and column j of the field.
struct Place { int n, i, j; };
Place placeOf(int q, Field f) {
	int columns = max(f.columns, 1), area = max(f.rows * columns, 1), rest = q % area;
	return Place(q / area, rest / columns, rest % columns);
}

// A Walk is a number that is linear in the image, row and column of a position. BK / TOGETHER positions more add `more`; if they pass the end of a row of the field,
// they also add `row`; if they pass the end of an image, `image`.
struct Walk { int at, more, row, image; };

// walk starts at place `at` of a tensor [image][row][column][c4]. A grid position stands for step × step positions of the tensor, and `by` is a step of the walk.
Walk walk(Place at, Place by, Field f, int rows, int columns, int c4, int step) {
	int row = columns * step;
	return Walk(((at.n * rows + (f.i + at.i) * step) * columns + (f.j + at.j) * step) * c4, ((by.n * rows + by.i * step) * columns + by.j * step) * c4,
		(row - f.columns * step) * c4, (rows * columns - f.rows * row) * c4);
}

// pass adds to a walk all but `more`.
void pass(inout Walk w, bool endOfRow, bool endOfImage) { w.at += (endOfRow ? w.row : 0) + (endOfImage ? w.image : 0); }

// What an invocation loads: its vectors, and the taps of those of x; the row and column of x at the first tap, and the positions of the image before its
// own; the first vectors of dy and x, at + done: what is the same for all invocations is added to done.
int ca[LA], cb[LB], r[LB], t[LB];
Field field;
Walk h, v, before, walkA, walkB;
int lastV, lastBefore; // from which column and position on BK / TOGETHER positions more pass the end
int doneA, doneB;
OPERAND a[TOGETHER * LA], b[TOGETHER * LB]; // the loaded operands
OPERAND zs[TOGETHER * LA];                  // of NORM_BACK, with its coefficients
vec4 factors[LA], slopes[LA], offsets[LA];
int fromA[TOGETHER];
bool writes, stored[TOGETHER];
bool inside[TOGETHER * LB]; // b is not zero
vec4 scales[LB], shifts[LB]; // of NORMED

// begin goes to position q of the images from n on.
void begin(int n, int q) {
	Place at = placeOf(q, field), by = placeOf(BK / TOGETHER, field);
	h = Walk(at.i * p.stride + r[0], by.i * p.stride, p.stride, -field.rows * p.stride);
	v = Walk(at.j * p.stride + t[0], by.j * p.stride, -field.columns * p.stride, 0);
	before = Walk(at.i * field.columns + at.j, by.i * field.columns + by.j, 0, -field.rows * field.columns);
	lastV = t[0] - v.row - v.more;
	lastBefore = -before.image - before.more;
	at.n += n;
	walkA = walk(at, by, field, p.gridH, p.gridW, p.k4, 1);
	walkB = walk(at, by, field, p.inH, p.inW, p.c4, p.stride);
	walkA.at += ca[0];
	walkB.at += cb[0];
	doneA = doneB = 0;
}

// load loads position `which` of TOGETHER.
void load(int which, bool some) {
	int from = walkA.at + doneA;
	fromA[which] = from;
	stored[which] = writes && some;
	[[unroll]] for (int i = 0; i < LA; i++) {
		a[which * LA + i] = LOAD(dy, from + (ca[i] - ca[0]));
		if (NORM_BACK) zs[which * LA + i] = LOAD(z, from + (ca[i] - ca[0]));
	}
	[[unroll]] for (int i = 0; i < LB; i++) {
		bool exists = some && (WHOLE || all(bvec2(uint(h.at + (r[i] - r[0])) < uint(p.inH), uint(v.at + (t[i] - t[0])) < uint(p.inW))));
		inside[which * LB + i] = exists;
		b[which * LB + i] = LOAD(x, exists ? walkB.at + doneB + (WHOLE ? i * BESIDE : cb[i] - cb[0]) : 0);
	}
}

void advance() {
	bool endOfRow = v.at >= lastV, endOfImage = before.at >= lastBefore;
	pass(h, endOfRow, endOfImage);
	pass(v, endOfRow, endOfImage);
	pass(before, endOfRow, endOfImage);
	pass(walkA, endOfRow, endOfImage);
	pass(walkB, endOfRow, endOfImage);
	h.at += h.more;
	v.at += v.more;
	before.at += before.more;
	doneA += walkA.more;
	doneB += walkB.more;
}

// operandA returns vector i of A at position `which` of TOGETHER, operandB that of B.
OPERAND operandA(int i, int which) {
	OPERAND v = a[which * LA + i];
	if (NORM_BACK) {
		vec4 d = factors[i] * TO_FLOATS(v) + slopes[i] * TO_FLOATS(zs[which * LA + i]) + offsets[i];
		v = TO_OPERAND(d);
		if (stored[which]) STORE(dz, fromA[which] + (ca[i] - ca[0]), d);
	}
	return v;
}

OPERAND operandB(int i, int which) {
	return inside[which * LB + i] ? NORMED_OPERAND(b[which * LB + i], scales[i], shifts[i]) : OPERAND(0);
}

// store writes the loaded operands to shared memory, from vectors toA and toB of the tiles on.
void store(int toA, int toB) {
#ifdef PAIRS
	[[unroll]] for (int i = 0; i < LA; i++) tileA[toA + i * BESIDE] = pairsOf(operandA(i, 0), operandA(i, 1));
	[[unroll]] for (int i = 0; i < LB; i++) tileB[toB + i * BESIDE] = pairsOf(operandB(i, 0), operandB(i, 1));
#else
	[[unroll]] for (int i = 0; i < LA; i++) tileA[toA + i * BESIDE] = operandA(i, 0);
	[[unroll]] for (int i = 0; i < LB; i++) tileB[toB + i * BESIDE] = operandB(i, 0);
#endif
}

void main() {
	int id = int(gl_LocalInvocationID.x), tx = id % STRIPS, ty = id / STRIPS, taps = p.tapsH * p.tapsW;
	int tileM, tileN;
	if (!tileOf(int(GROUP), (p.k4 + M4 - 1) / M4, (taps * p.c4 + N4 - 1) / N4, tileM, tileN)) return;
	[[unroll]] for (int i = 0; i < LA; i++) {
		ca[i] = min(tileM * M4 + id % BESIDE + i * BESIDE, p.k4 - 1);
		if (NORM_BACK) {
			factors[i] = backAt(uint(2 * p.k4 + ca[i]));
			slopes[i] = backAt(uint(3 * p.k4 + ca[i]));
			offsets[i] = backAt(uint(4 * p.k4 + ca[i]));
		}
	}
	[[unroll]] for (int i = 0; i < LB; i++) {
		int beside = id % BESIDE + i * BESIDE, col = WHOLE ? tileN * N4 : min(tileN * N4 + beside, taps * p.c4 - 1), tap = col / p.c4;
		r[i] = tap / p.tapsW - p.pad;
		t[i] = tap % p.tapsW - p.pad;
		int c = col - tap * p.c4 + (WHOLE ? beside : 0);
		cb[i] = (r[i] * p.inW + t[i]) * p.c4 + c;
		if (NORMED) {
			scales[i] = normAt(uint(c));
			shifts[i] = normAt(uint(p.c4 + c));
		}
	}
	int middle = (p.pad * p.tapsW + p.pad) * p.c4;
	writes = NORM_BACK && (WHOLE ? tileN * N4 == middle : tileN == 0);
	Field all = Field(0, 0, p.gridH, p.gridW);
	field = WHOLE ? fieldOf(r[0], t[0]) : all;
	int area = p.gridH * p.gridW, q0 = int(gl_WorkGroupID.y * p.chunk), n0 = q0 / area;
	int count = (min(int(p.chunk), int(p.rows) - q0) / area) * field.rows * field.columns;
	// the first iteration has surplus positions before those that do not fill an iteration; all are surplus if the field is empty
	int first = id / BESIDE - (count > 0 ? BK - 1 - (count + BK - 1) % BK : BK);
	if (count == 0) field = all;
	int toA = id / BESIDE * PITCH_A + id % BESIDE, toB = TILE_B + id / BESIDE * PITCH_B + id % BESIDE;
	clear();
	begin(n0, max(first, 0));
	load(0, first >= 0);
#ifdef PAIRS
	begin(n0, max(first + BK / 2, 0));
	load(1, first >= -BK / 2);
#endif
	store(toA, toB);
	barrier();
	begin(n0, first + BK);
	int q = BK;
	if (q < count) do {
		[[unroll]] for (int which = 0; which < TOGETHER; which++) {
			load(which, true);
			advance();
		}
		multiply(ty, tx);
		barrier();
		store(toA, toB);
		barrier();
		q += BK;
	} while (q < count);
	multiply(ty, tx);
	collect(ty, tx);
	int o = int(p.chunk0 + gl_WorkGroupID.y) * p.k;
	[[unroll]] for (int i = 0; i < TM; i++) [[unroll]] for (int v = 0; v < NV; v++) {
		int k = tileM * BM + ROW(i), col = tileN * N4 + tx + v * STRIPS;
		if (k < p.k && col < taps * p.c4) part[(o + k) * taps * p.c4 + col] = sum[i * NV + v];
	}
}
