#version 450
#extension GL_GOOGLE_include_directive : require
// Attention without the matrix of weights, tiled family: y = softmax(scale · q·kᵀ)·v of each head, and the largest score and the sum of each query. A
// group makes 32 queries and takes 32 keys at a time; their weights exist only in shared memory. The largest score so far is subtracted; when it grows, sums
// and results are multiplied by exp(old − new).
// Bindings: 0 qkv, read   1 y   2 rows, write; all bound at the slice.  Sizes and grid: attention.glsl.
#include "io.glsl"
#include "rows.glsl"
#include "attention_tiles.glsl"
READS(0, qkv)
WRITES(1, y)
WRITES(2, rows)

vec4 at(Matrix m, int row, int d) { return LOAD(qkv, m.base + min(row, tokens - 1) * m.pitch + d); }

void main() {
	Tile t;
	if (!tileOf(int(GROUP), t)) return;
	Matrix q = Matrix(0, t.qkv, t.pitch), k = Matrix(0, t.qkv + t.features, t.pitch), v = Matrix(0, t.qkv + 2 * t.features, t.pitch);
	vec4 result[RESULT], top = vec4(LOW), total = vec4(0), s[4]; // top and total of own rows ty·4 …, total over the keys of this lane
	[[unroll]] for (int i = 0; i < RESULT; i++) result[i] = vec4(0);
	for (int key = 0; key < tokens; key += ROWS) {
		dots(q, t.first, k, key, s);
		bvec4 exists = lessThan(ivec4(0, 1, 2, 3) + (key + TX * 4), ivec4(tokens));
		vec4 now = top;
		[[unroll]] for (int i = 0; i < 4; i++) {
			s[i] = mix(vec4(LOW), s[i] * scale, exists);
			now[i] = max(now[i], max4(s[i]));
		}
		shares(now);
		[[unroll]] for (int i = 0; i < SIDE; i++) now = max(now, share(i));
		vec4 keep = exp(top - now);
		total *= keep;
		top = now;
		[[unroll]] for (int i = 0; i < 4; i++) {
			s[i] = mix(vec4(0), exp(s[i] - now[i]), exists);
			total[i] += sum4(s[i]);
			[[unroll]] for (int c = 0; c < NV; c++) result[i * NV + c] *= keep[i];
		}
		keepWeights(s);
		addWeighted(result, v, key);
	}
	total = sumOfShares(total);
	[[unroll]] for (int i = 0; i < 4; i++) {
		int row = t.first + TY * 4 + i;
		if (row >= tokens) continue;
		float inverse = 1.0 / total[i];
		[[unroll]] for (int c = 0; c < NV; c++) if (TX + c * SIDE < WIDTH) STORE(y, t.y + row * t.features + TX + c * SIDE, result[i * NV + c] * inverse);
		if (TX == 0) rows[t.row + row] = vec4(top[i], inverse, 0, 0);
	}
}
