// The statistics of a tile for batch norm, in two passes over the sums in registers: the mean over the tile's rows, then the squared distances
// from it.
#include "tiled_columns.glsl"

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
