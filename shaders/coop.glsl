// Shared memory and products of coop.comp. Numbers in shared memory lie in vectors of four halves or half of four floats.
#define BK 32                              // terms per iteration
#ifdef GATHER
#define PITCH_A (BK / 4 + 2)               // vectors from one row of A to the next, 16 bytes of them padding against bank conflicts: [row][term]
#define TILE_B (BM * PITCH_A)              // where B's tile begins
#else
#define PITCH_A (M4 + 2)                   // [term][row]
#define TILE_B (BK * PITCH_A)
#endif
#define PITCH_B (N4 + 2)                   // [term][column]
#define SLAB 32                            // rows of the result that pass through shared memory at once, a multiple of ABOVE·M
#define PITCH_SLAB (2 * (N4 + 1))
#define ROW(I) (ty + (I) * (BM / TM))      // row I of an invocation, within the tile
shared uvec2 tile[max(TILE_B + BK * PITCH_B, SLAB * PITCH_SLAB)];
#define tileA tile
#define tileB tile
#define KEEP(I, V) tile[2 * (I)] = floatBitsToUint((V).xy), tile[2 * (I) + 1] = floatBitsToUint((V).zw)
#define KEPT(I) vec4(uintBitsToFloat(tile[2 * (I)]), uintBitsToFloat(tile[2 * (I) + 1]))

const int BESIDE_N = WG / SUBGROUP / ABOVE * N, ABOVE_M = ABOVE * M; // from one of a subgroup's blocks to the next
const int FM = BM / ABOVE_M, FN = BN / BESIDE_N;                    // its blocks
coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> acc[FM * FN];

void clear() {
	[[unroll]] for (int i = 0; i < FM * FN; i++) acc[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
}

// multiply adds the product of the tiles in shared memory to acc.
void multiply(int ty, int tx) {
	int m = int(gl_SubgroupID) % ABOVE * M, n = int(gl_SubgroupID) / ABOVE * N;
	[[dont_unroll]] for (int k = 0; k < BK; k += K) {
		coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> as;
		coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> bs[FN];
		[[unroll]] for (int j = 0; j < FN; j++) coopMatLoad(bs[j], tile, TILE_B + k * PITCH_B + (n + j * BESIDE_N) / 4, PITCH_B, gl_CooperativeMatrixLayoutRowMajor);
		[[unroll]] for (int i = 0; i < FM; i++) {
#ifdef GATHER
			coopMatLoad(as, tile, (m + i * ABOVE_M) * PITCH_A + k / 4, PITCH_A, gl_CooperativeMatrixLayoutRowMajor);
#else
			coopMatLoad(as, tile, k * PITCH_A + (m + i * ABOVE_M) / 4, PITCH_A, gl_CooperativeMatrixLayoutColumnMajor);
#endif
			[[unroll]] for (int j = 0; j < FN; j++) acc[i * FN + j] = coopMatMulAdd(as, bs[j], acc[i * FN + j]);
		}
	}
}

// collect moves acc to sum, a slab at a time.
void collect(int ty, int tx) {
	int m = int(gl_SubgroupID) % ABOVE * M, n = int(gl_SubgroupID) / ABOVE * N;
	const int blocks = SLAB / ABOVE_M, rows = SLAB * TM / BM;
	[[unroll]] for (int slab = 0; slab < BM / SLAB; slab++) {
		barrier();
		[[unroll]] for (int i = 0; i < blocks; i++) [[unroll]] for (int j = 0; j < FN; j++)
			coopMatStore(acc[(slab * blocks + i) * FN + j], tile, (m + i * ABOVE_M) * PITCH_SLAB + (n + j * BESIDE_N) / 2, PITCH_SLAB, gl_CooperativeMatrixLayoutRowMajor);
		barrier();
		[[unroll]] for (int i = 0; i < rows; i++) [[unroll]] for (int v = 0; v < NV; v++) {
			int at = ROW(i) * (PITCH_SLAB / 2) + tx + v * STRIPS;
			sum[(slab * rows + i) * NV + v] = KEPT(at);
		}
	}
}
