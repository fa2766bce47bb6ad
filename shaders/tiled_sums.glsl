// The sums of bn_back_sum.comp over the rows of a tile, where y is the gradient of a batch norm's result: dy' = dy·[ReLU open] is stored.
#include "tiled_columns.glsl"
BOTH(5, readonly, gradX)
layout(binding = 6) readonly buffer Open { uint open[]; }; // of bn_apply.comp, if relu is 1
BOTH(7, readonly, coef)
vec4 scale[NV], shift[NV], mean[NV], s1[NV], s2[NV];

// columnOf returns the vector of y's columns that an invocation makes, the last one in place of those that do not exist.
int columnOf(int tileN, int tx, int v) { return min(tileN * N4 + tx + v * STRIPS, p.k4 - 1); }

void beginSums(int tileN, int tx) {
	[[unroll]] for (int v = 0; v < NV; v++) {
		uint col = uint(columnOf(tileN, tx, v));
		scale[v] = coefAt(col);
		shift[v] = coefAt(p.k4 + col);
		mean[v] = coefAt(2 * p.k4 + col);
		s1[v] = s2[v] = vec4(0);
	}
}

// putRow stores row i of an invocation, from vector `to` of y on, unless it lies outside.
void putRow(int i, int to, int tileN, int tx, bool inside) {
	to = inside ? to : 0;
	vec4 old[NV], z[NV];
	bvec4 keep[NV]; // where the ReLU was open
	int row = int(p.row0) + to / p.k4;
	[[unroll]] for (int v = 0; v < NV; v++) {
		int col = columnOf(tileN, tx, v);
		uint at = uint(to + col);
		old[v] = p.add != 0u ? yAt(at) : vec4(0);
		z[v] = gradXAt(at);
		keep[v] = bvec4(true);
		if (p.relu == 1u) keep[v] = notEqual(open[row / 8 * p.k4 + col] >> (row % 8 * 4) & uvec4(1, 2, 4, 8), uvec4(0));
		if (p.relu == 2u) keep[v] = greaterThan(scale[v] * z[v] + shift[v], vec4(0));
	}
	[[unroll]] for (int v = 0; v < NV; v++) {
		vec4 d = mix(vec4(0), old[v] + sum[i * NV + v], keep[v]);
		if (HALF(2)) d = asStored(d); // the sums are those of y
		if (inside && tileN * N4 + tx + v * STRIPS < p.k4) {
			STORE(y, to + tileN * N4 + tx + v * STRIPS, d);
			d -= p.increment != 0u ? old[v] : vec4(0);
			s1[v] += d;
			s2[v] += d * (z[v] - mean[v]);
		}
	}
}

void endSums(int tileM, int tileN, int ty, int tx) {
	column(s1, ty, tx);
	column(s2, ty, tx);
	[[unroll]] for (int v = 0; v < NV; v++) {
		int col = tileN * N4 + tx + v * STRIPS, at = (p.tile0 + tileM * CLASSES + int(GROUP) % CLASSES) * 2 * p.k4 + col;
		if (ty == 0 && col < p.k4) {
			part[at] = s1[v];
			part[at + p.k4] = s2[v] * coefAt(uint(3 * p.k4 + col));
		}
	}
}
