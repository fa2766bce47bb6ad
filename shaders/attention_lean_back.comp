#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of attention, lean family: with p = exp(scale · q·kᵀ − top) / sum and ds = p ⊙ (dy·vᵀ − Δ), Δ = Σ dy⊙y of a query,
//   queries  dq (+)= scale · ds·k; also stores Δ     a lane keeps R queries with q, dy and dq in registers and reads every k and v
//   keys     dk (+)= scale · dsᵀ·q, dv (+)= pᵀ·dy    a lane keeps R keys with k, v, dk and dv in registers and reads every q and dy
// Bindings: queries: 0 qkv   1 dy   2 y, read   3 rows, read and write   4 dqkv, write or add
//           keys:    0 qkv   1 dy   2 rows, read   3 dqkv, write or add;  all bound at the slice.  Sizes and grid: attention.glsl.
//! variant queries_plain -DR=3
//! variant queries_texel -DR=3 -DTEXEL
//! variant keys_plain -DKEYS -DR=2
//! variant keys_texel -DKEYS -DR=2 -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#define LANES 8
#define C 2 // rows that are read at a time
#define ROWS (LANES * R)
layout(local_size_x = LANES) in;
#include "attention.glsl"
READS(0, qkv)
READS(1, dy)
// A lane's own rows have a and b, and their gradients da and db; the rows that it reads have u and v: s = a·u, dp = b·v, da += ds·u, db += p·v.
vec4 a[R * WIDTH], b[R * WIDTH], da[R * WIDTH];
float p[R * C], ds[R * C];
Tile t;
#ifdef KEYS
READS(2, rows)
WRITES(3, dqkv)
vec4 db[R * WIDTH];
#define U(ROW, D) LOAD(qkv, t.qkv + (ROW) * t.pitch + (D))
#define V(ROW, D) LOAD(dy, t.y + (ROW) * t.features + (D))
#define STATS(OWN, ROW) LOAD(rows, t.row + (ROW)).xyz
#else
READS(2, y)
WRITES(3, rows)
WRITES(4, dqkv)
vec3 stats[R];
#define U(ROW, D) LOAD(qkv, t.qkv + t.features + (ROW) * t.pitch + (D))
#define V(ROW, D) LOAD(qkv, t.qkv + 2 * t.features + (ROW) * t.pitch + (D))
#define STATS(OWN, ROW) stats[OWN]
#endif

// own loads row `row` as a lane's row r.
void own(int r, int row, bool exists) {
	int from = t.qkv + row * t.pitch;
#ifdef KEYS
	[[unroll]] for (int d = 0; d < WIDTH; d++) {
		a[r * WIDTH + d] = LOAD(qkv, from + t.features + d) * scale;
		b[r * WIDTH + d] = LOAD(qkv, from + 2 * t.features + d);
		db[r * WIDTH + d] = vec4(0);
		da[r * WIDTH + d] = vec4(0);
	}
#else
	vec4 delta = vec4(0);
	[[unroll]] for (int d = 0; d < WIDTH; d++) {
		int at = t.y + row * t.features + d;
		a[r * WIDTH + d] = LOAD(qkv, from + d) * scale;
		b[r * WIDTH + d] = LOAD(dy, at);
		delta += b[r * WIDTH + d] * LOAD(y, at);
		da[r * WIDTH + d] = vec4(0);
	}
	stats[r] = vec3(rows[t.row + row].xy, sum4(delta));
	if (exists) rows[t.row + row].z = stats[r].z;
#endif
}

void main() {
	if (!tileOf(int(GROUP), t)) return;
	int first = t.first + int(gl_LocalInvocationID.x);
	[[unroll]] for (int r = 0; r < R; r++) own(r, min(first + r * LANES, tokens - 1), first + r * LANES < tokens);
	for (int other = 0; other < tokens; other += C) {
		int at[C];
		vec4 s[R * C], dp[R * C];
		[[unroll]] for (int c = 0; c < C; c++) at[c] = min(other + c, tokens - 1);
		[[unroll]] for (int i = 0; i < R * C; i++) s[i] = dp[i] = vec4(0);
		[[unroll]] for (int d = 0; d < WIDTH; d++) [[unroll]] for (int c = 0; c < C; c++) {
			vec4 u = U(at[c], d), v = V(at[c], d);
			[[unroll]] for (int r = 0; r < R; r++) {
				s[r * C + c] += a[r * WIDTH + d] * u;
				dp[r * C + c] += b[r * WIDTH + d] * v;
			}
		}
		[[unroll]] for (int c = 0; c < C; c++) [[unroll]] for (int r = 0; r < R; r++) {
			vec3 z = STATS(r, at[c]);
			int i = r * C + c;
			p[i] = other + c < tokens ? exp(sum4(s[i]) - z.x) * z.y : 0.0;
			ds[i] = p[i] * (sum4(dp[i]) - z.z);
		}
		[[unroll]] for (int d = 0; d < WIDTH; d++) [[unroll]] for (int c = 0; c < C; c++) {
			vec4 u = U(at[c], d);
			[[unroll]] for (int r = 0; r < R; r++) da[r * WIDTH + d] += ds[r * C + c] * u;
#ifdef KEYS
			vec4 v = V(at[c], d);
			[[unroll]] for (int r = 0; r < R; r++) db[r * WIDTH + d] += p[r * C + c] * v;
#endif
		}
	}
	[[unroll]] for (int r = 0; r < R; r++) {
		int row = first + r * LANES, to = t.qkv + row * t.pitch;
		if (row >= tokens) continue;
		[[unroll]] for (int d = 0; d < WIDTH; d++) {
#ifdef KEYS
			WRITE(dqkv, to + t.features + d, add, da[r * WIDTH + d] * scale);
			WRITE(dqkv, to + 2 * t.features + d, add, db[r * WIDTH + d]);
#else
			WRITE(dqkv, to + d, add, da[r * WIDTH + d] * scale);
#endif
		}
	}
}
