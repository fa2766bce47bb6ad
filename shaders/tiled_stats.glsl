// The statistics of a tile for batch norm, in two passes over the sums in registers: the mean over the tile's rows, then the squared distances
// from it. Invocations of the same columns add theirs in shared memory, in a fixed order.
layout(binding = 3) writeonly buffer Part { vec4 part[]; };
#define COLUMNS (BM / TM) // invocations above each other

// column returns the sum of v over the invocations of the same columns.
void column(inout vec4 v[NV], int ty, int tx) {
	barrier();
	[[unroll]] for (int j = 0; j < NV; j++) KEEP(ty * N4 + tx + j * STRIPS, v[j]);
	barrier();
	[[unroll]] for (int j = 0; j < NV; j++) {
		v[j] = vec4(0);
		for (int i = 0; i < COLUMNS; i++) v[j] += KEPT(i * N4 + tx + j * STRIPS);
	}
}

void stats(int tileM, int tileN, int ty, int tx, int count) {
	vec4 mean[NV], m2[NV];
	[[unroll]] for (int j = 0; j < NV; j++) {
		mean[j] = vec4(0);
		[[unroll]] for (int i = 0; i < TM; i++) mean[j] += ROW(i) < count ? sum[i * NV + j] : vec4(0);
	}
	column(mean, ty, tx);
	[[unroll]] for (int j = 0; j < NV; j++) {
		mean[j] /= float(count);
		m2[j] = vec4(0);
		[[unroll]] for (int i = 0; i < TM; i++) {
			vec4 d = sum[i * NV + j] - mean[j];
			m2[j] += ROW(i) < count ? d * d : vec4(0);
		}
	}
	column(m2, ty, tx);
	[[unroll]] for (int j = 0; j < NV; j++) {
		int col = tileN * N4 + tx + j * STRIPS;
		if (ty == 0 && col < p.k4) {
			part[(p.tile0 + tileM) * 2 * p.k4 + col] = mean[j];
			part[((p.tile0 + tileM) * 2 + 1) * p.k4 + col] = m2[j];
		}
	}
}
