#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of attention, tiled family: with p = exp(scale · q·kᵀ − top) / sum and ds = p ⊙ (dy·vᵀ − Δ), Δ = Σ dy⊙y of a query,
//   queries  dq (+)= scale · ds·k; also stores Δ     a group owns 32 queries
//   keys     dk (+)= scale · dsᵀ·q, dv (+)= pᵀ·dy    a group owns 32 keys
// Bindings: queries: 0 qkv   1 dy   2 y, read   3 rows, read and write   4 dqkv, write or add
//           keys:    0 qkv   1 dy   2 rows, read   3 dqkv, write or add;  all bound at the slice.  Sizes and grid: attention.glsl.
//! variant queries
//! variant keys -DKEYS
#include "io.glsl"
#include "rows.glsl"
#include "attention_tiles.glsl"
READS(0, qkv)
READS(1, dy)
#ifdef KEYS
READS(2, rows)
WRITES(3, dqkv)
#else
READS(2, y)
WRITES(3, rows)
WRITES(4, dqkv)
#endif
#define OF_DY 1

vec4 at(Matrix m, int row, int d) {
	int i = m.base + min(row, tokens - 1) * m.pitch + d;
	return m.source == OF_DY ? LOAD(dy, i) : LOAD(qkv, i);
}

// weigh turns the products s of queries and keys and dp of dy and v into p and ds, for a query with this top, 1/sum and Δ.
void weigh(inout float s, inout float dp, vec3 stats, bool exists) {
	s = exists ? exp(s * scale - stats.x) * stats.y : 0.0;
	dp = s * (dp - stats.z);
}

// writeGradient writes a part of dqkv, which begins at vector `base`.
void writeGradient(Tile t, int base, vec4 result[RESULT], float factor) {
	[[unroll]] for (int i = 0; i < 4; i++) [[unroll]] for (int c = 0; c < NV; c++) {
		int row = t.first + TY * 4 + i, d = TX + c * SIDE;
		if (row < tokens && d < WIDTH) WRITE(dqkv, base + row * t.pitch + d, add, result[i * NV + c] * factor);
	}
}

#ifdef KEYS
void main() {
	Tile t;
	if (!tileOf(int(GROUP), t)) return;
	Matrix q = Matrix(0, t.qkv, t.pitch), k = Matrix(0, t.qkv + t.features, t.pitch), v = Matrix(0, t.qkv + 2 * t.features, t.pitch);
	Matrix dr = Matrix(OF_DY, t.y, t.features);
	vec4 dk[RESULT], dv[RESULT], s[4], dp[4];
	[[unroll]] for (int i = 0; i < RESULT; i++) dk[i] = dv[i] = vec4(0);
	for (int query = 0; query < tokens; query += ROWS) {
		dots(k, t.first, q, query, s);
		dots(v, t.first, dr, query, dp);
		[[unroll]] for (int j = 0; j < 4; j++) {
			int row = query + TX * 4 + j;
			vec3 stats = LOAD(rows, t.row + min(row, tokens - 1)).xyz;
			[[unroll]] for (int i = 0; i < 4; i++) weigh(s[i][j], dp[i][j], stats, row < tokens);
		}
		keepWeights(s);
		addWeighted(dv, dr, query);
		keepWeights(dp);
		addWeighted(dk, q, query);
	}
	writeGradient(t, t.qkv + t.features, dk, scale);
	writeGradient(t, t.qkv + 2 * t.features, dv, 1.0);
}
#else
// deltas returns Δ of the lane's four queries.
vec4 deltas(Tile t) {
	vec4 own;
	[[unroll]] for (int i = 0; i < 4; i++) {
		vec4 sum = vec4(0);
		[[unroll]] for (int c = 0; c < NV; c++) {
			int from = t.y + min(t.first + TY * 4 + i, tokens - 1) * t.features + TX + c * SIDE;
			if (TX + c * SIDE < WIDTH) sum += LOAD(dy, from) * LOAD(y, from);
		}
		own[i] = sum4(sum);
	}
	return sumOfShares(own);
}

void main() {
	Tile t;
	if (!tileOf(int(GROUP), t)) return;
	Matrix q = Matrix(0, t.qkv, t.pitch), k = Matrix(0, t.qkv + t.features, t.pitch), v = Matrix(0, t.qkv + 2 * t.features, t.pitch);
	Matrix dr = Matrix(OF_DY, t.y, t.features);
	vec4 dq[RESULT], s[4], dp[4], delta = deltas(t);
	vec3 stats[4];
	[[unroll]] for (int i = 0; i < RESULT; i++) dq[i] = vec4(0);
	[[unroll]] for (int i = 0; i < 4; i++) stats[i] = vec3(rows[t.row + min(t.first + TY * 4 + i, tokens - 1)].xy, delta[i]);
	for (int key = 0; key < tokens; key += ROWS) {
		dots(q, t.first, k, key, s);
		dots(dr, t.first, v, key, dp);
		[[unroll]] for (int i = 0; i < 4; i++) [[unroll]] for (int j = 0; j < 4; j++)
			weigh(s[i][j], dp[i][j], stats[i], key + TX * 4 + j < tokens);
		keepWeights(dp);
		addWeighted(dq, k, key);
	}
	writeGradient(t, t.qkv, dq, scale);
	[[unroll]] for (int i = 0; i < 4; i++) if (TX == 0 && t.first + TY * 4 + i < tokens) rows[t.row + t.first + TY * 4 + i].z = delta[i];
}
#endif
