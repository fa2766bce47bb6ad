#version 450
#extension GL_GOOGLE_include_directive : require
// Attention without the matrix of weights, lean family (no shared memory, no barrier): y = softmax(scale · q·kᵀ)·v of each head, and the largest score
// and the sum of each query. A lane keeps R queries and their results in registers, and reads every key and value, C at a time, at an address that is the same
// for all lanes. The largest score so far is subtracted; when it grows, sums and results are multiplied by exp(old − new).
// Bindings: 0 qkv, read   1 y   2 rows, write; all bound at the slice.  Sizes and grid: attention.glsl.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#define LANES 8
#define R 4 // with fewer, more of the time is spent on reading keys; with more, compilation takes longer and nothing is gained
#define C 2
#define ROWS (LANES * R)
layout(local_size_x = LANES) in;
#include "attention.glsl"
READS(0, qkv)
WRITES(1, y)
WRITES(2, rows)
vec4 q[R * WIDTH], result[R * WIDTH];
float top[R], total[R], keep[R], p[R * C];

// weigh makes p = exp(score − top) for scores s, and updates top and total; keep is the factor of earlier results.
void weigh(vec4 s[R * C], int key) {
	[[unroll]] for (int r = 0; r < R; r++) {
		float now = top[r];
		[[unroll]] for (int c = 0; c < C; c++) {
			p[r * C + c] = sum4(s[r * C + c]);
			now = max(now, p[r * C + c]); // a key behind the last repeats it
		}
		keep[r] = exp(top[r] - now);
		total[r] *= keep[r];
		top[r] = now;
		[[unroll]] for (int c = 0; c < C; c++) {
			p[r * C + c] = key + c < tokens ? exp(p[r * C + c] - now) : 0.0;
			total[r] += p[r * C + c];
		}
	}
}

void main() {
	Tile t;
	if (!tileOf(int(GROUP), t)) return;
	int first = t.first + int(gl_LocalInvocationID.x);
	[[unroll]] for (int r = 0; r < R; r++) {
		int from = t.qkv + min(first + r * LANES, tokens - 1) * t.pitch;
		[[unroll]] for (int d = 0; d < WIDTH; d++) {
			q[r * WIDTH + d] = LOAD(qkv, from + d) * scale;
			result[r * WIDTH + d] = vec4(0);
		}
		top[r] = LOW;
		total[r] = 0.0;
	}
	for (int key = 0; key < tokens; key += C) {
		int at[C];
		vec4 s[R * C];
		[[unroll]] for (int c = 0; c < C; c++) at[c] = t.qkv + t.features + min(key + c, tokens - 1) * t.pitch;
		[[unroll]] for (int i = 0; i < R * C; i++) s[i] = vec4(0);
		[[unroll]] for (int d = 0; d < WIDTH; d++) [[unroll]] for (int c = 0; c < C; c++) {
			vec4 k = LOAD(qkv, at[c] + d);
			[[unroll]] for (int r = 0; r < R; r++) s[r * C + c] += q[r * WIDTH + d] * k;
		}
		weigh(s, key);
		[[unroll]] for (int d = 0; d < WIDTH; d++) {
			vec4 v[C];
			[[unroll]] for (int c = 0; c < C; c++) v[c] = LOAD(qkv, at[c] + t.features + d);
			[[unroll]] for (int r = 0; r < R; r++) {
				vec4 z = result[r * WIDTH + d] * keep[r];
				[[unroll]] for (int c = 0; c < C; c++) z += p[r * C + c] * v[c];
				result[r * WIDTH + d] = z;
			}
		}
	}
	[[unroll]] for (int r = 0; r < R; r++) {
		int row = first + r * LANES;
		if (row >= tokens) continue;
		float inverse = 1.0 / total[r];
		[[unroll]] for (int d = 0; d < WIDTH; d++) STORE(y, t.y + row * t.features + d, result[r * WIDTH + d] * inverse);
		rows[t.row + row] = vec4(top[r], inverse, 0, 0);
	}
}
