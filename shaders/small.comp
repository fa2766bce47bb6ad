#version 450
#extension GL_GOOGLE_include_directive : require
// Matrix products for GPUs with few registers, small family: no shared memory, no barrier, little code. The uses, bindings and constants of conv.comp and
// wgrad.comp:
//   gather  y[q k] (+)= Σ_taps Σ_c x[position(q, tap) c] · w[tap c k]                    32 positions × 8 vectors of channels, summed over taps and channels
//   outer   part[chunk][k tap c4] = Σ_{q in chunk} dy[q k] · x[position(q, tap) c4]      64 tiles of 4 channels k × one vector c4, summed over positions
// A lane makes 4 × 4 numbers. Neighboring lanes read neighboring vectors of w, or of x.
// Grid: gather x, z ⌈rows / 32⌉ · ⌈k4 / 8⌉, y matrices of a batch;  outer x, z ⌈tiles / 64⌉ with tiles = c4 · taps · k4, y chunks.
//! variant gather_plain -DGATHER
//! variant gather_texel -DGATHER -DTEXEL
//! variant outer_plain
//! variant outer_texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 64) in;
#ifdef GATHER
#include "push_forward.glsl"
READS(0, x)
READS(1, w)
WRITES(2, y)

// A position of the grid: image, row, column.
struct Place { int n, i, j; };
void advance(inout Place q) {
	bool wrap = ++q.j == int(p.gridW);
	q.j = wrap ? 0 : q.j;
	q.i += wrap ? 1 : 0;
	wrap = q.i * int(p.gridW) == int(p.gridHW);
	q.i = wrap ? 0 : q.i;
	q.n += wrap ? 1 : 0;
}

void main() {
	const int lane = int(gl_LocalInvocationID.x);
	uint tiles = (p.rows + 31u) / 32u, column = GROUP / tiles, first = (GROUP - column * tiles) * 32u + lane / 8 * 4;
	int k = int(column) * 8 + lane % 8, batch = int(gl_WorkGroupID.y), count = int(p.rows) - int(first);
	if (k >= p.k4 || count <= 0) return;
	uint n = first / p.gridHW, rest = first - n * p.gridHW;
	const Place start = Place(int(n), int(rest / p.gridW), int(rest % p.gridW));
	vec4 s[4];
	[[unroll]] for (int i = 0; i < 4; i++) s[i] = vec4(0);
	for (int r = 0; r < p.tapsH; r++) for (int t = 0; t < p.tapsW; t++) {
		int at[4]; // the position's first vector of x, -1: outside
		Place q = start;
		[[unroll]] for (int i = 0; i < 4; i++) {
			int h = q.i * p.step + p.offH + r * p.dir, v = q.j * p.step + p.offW + t * p.dir;
			bool inside = i < count && uint(h) < uint(p.inH) && uint(v) < uint(p.inW);
			at[i] = inside ? batch * p.xBatch + ((q.n * p.inH + h) * p.inW + v) * p.c4 : -1;
			advance(q);
		}
		int tap = batch * p.wBatch + p.wTap0 + r * p.wTapH + t * p.wTapW + k;
		for (int c = 0; c < p.c4; c++) {
			vec4 v[4];
			[[unroll]] for (int i = 0; i < 4; i++) {
				vec4 z = LOAD(x, max(at[i], 0) + c);
				v[i] = at[i] < 0 ? vec4(0) : z;
			}
			// x's pad lanes are zero, so any existing row of w will do for them
			for (int e = 0; e < 4; e++) { // unrolled, it needs more registers than V3D has
				vec4 g = LOAD(w, tap + min(c * 4 + e, p.c - 1) * p.wIn);
				[[unroll]] for (int i = 0; i < 4; i++) s[i] += v[i][e] * g;
			}
		}
	}
	Place q = start;
	[[unroll]] for (int i = 0; i < 4; i++) {
		if (i < count) WRITE(y, batch * p.yBatch + q.n * p.outN + q.i * p.outH + q.j * p.outW + p.out0 + k, p.add, s[i]);
		advance(q);
	}
}
#else
#include "push_weight.glsl"
READS(0, x)
READS(1, dy)
WRITES(2, part)

void main() {
	uint id = GROUP * 64u + gl_LocalInvocationID.x;
	if (id >= p.tiles) return;
	int c = int(id) % p.c4, rest = int(id) / p.c4, taps = p.tapsH * p.tapsW, tap = rest % taps, k = rest / taps;
	int r = tap / p.tapsW - p.pad, t = tap % p.tapsW - p.pad;
	int q0 = int(gl_WorkGroupID.y * p.chunk), q1 = int(min(uint(q0) + p.chunk, p.rows));
	int n = q0 / (p.gridH * p.gridW), i = (q0 - n * p.gridH * p.gridW) / p.gridW, j = q0 - (n * p.gridH + i) * p.gridW;
	vec4 s[4];
	[[unroll]] for (int e = 0; e < 4; e++) s[e] = vec4(0);
	for (int q = q0; q < q1; q++) {
		int h = i * p.stride + r, v = j * p.stride + t;
		bool ok = uint(h) < uint(p.inH) && uint(v) < uint(p.inW);
		vec4 z = LOAD(x, ok ? ((n * p.inH + h) * p.inW + v) * p.c4 + c : 0), d = LOAD(dy, q * p.k4 + k);
		z = ok ? z : vec4(0);
		[[unroll]] for (int e = 0; e < 4; e++) s[e] += d[e] * z;
		j++;
		i += j == p.gridW ? 1 : 0;
		j = j == p.gridW ? 0 : j;
		n += i == p.gridH ? 1 : 0;
		i = i == p.gridH ? 0 : i;
	}
	int o = int(p.chunk0 + gl_WorkGroupID.y) * p.k + k * 4;
	[[unroll]] for (int e = 0; e < 4; e++) if (k * 4 + e < p.k) STORE(part, ((o + e) * taps + tap) * p.c4 + c, s[e]);
}
#endif
