// Tiles of attention in shared memory, for attention_tiled.comp and attention_tiled_back.comp. A group owns ROWS rows, whose results it makes, and takes
// the other rows of the head ROWS at a time. Lane (ty, tx) has own rows ty·4 … ty·4+3, and beside them other rows tx·4 … tx·4+3, or vectors tx, tx+8 of
// the results. Neighboring lanes read neighboring vectors of global memory. The including file defines at().
#define ROWS 32
#define SIDE 8          // lanes along each side, and vectors of ROWS numbers
#define PITCH (SIDE + 1) // a vector of padding against bank conflicts
#define SLICE 16        // columns, or other rows, in shared memory at once
#define MOST 16         // vectors of the widest head
#define LANES (SIDE * SIDE)
layout(local_size_x = LANES) in;
#include "attention.glsl"
const int NV = (WIDTH + SIDE - 1) / SIDE; // vectors of a result that a lane makes
const int RESULT = 4 * NV;                // vectors of a lane's results: row i, vector v at i·NV + v
shared vec4 weights[ROWS * PITCH];        // [other row][own row]
shared vec4 slices[2 * SLICE * PITCH];    // [column][own row], then [column][other row]; or [other row][vector]
#define TY (int(gl_LocalInvocationID.x) / SIDE)
#define TX (int(gl_LocalInvocationID.x) % SIDE)

// A matrix [tokens][WIDTH]: one head of q, k, v, y or dy. base is its first vector, pitch the number of vectors from one token to the next.
struct Matrix { int source, base, pitch; };

// at returns vector d of row `row`, or of the last row if it lies behind it.
vec4 at(Matrix m, int row, int d);

// dots returns s[i][j] = the product of row a0 + ty·4+i of a and row b0 + tx·4+j of b.
void dots(Matrix a, int a0, Matrix b, int b0, out vec4 s[4]) {
	int id = int(gl_LocalInvocationID.x), column = id % 4;
	[[unroll]] for (int i = 0; i < 4; i++) s[i] = vec4(0);
	for (int d0 = 0; d0 < WIDTH; d0 += 4) {
		vec4 x[2], z[2];
		[[unroll]] for (int i = 0; i < 2; i++) {
			int row = id / 4 + i * (LANES / 4), d = d0 + column;
			x[i] = d < WIDTH ? at(a, a0 + row, d) : vec4(0);
			z[i] = d < WIDTH ? at(b, b0 + row, d) : vec4(0);
		}
		barrier();
		[[unroll]] for (int i = 0; i < 2; i++) [[unroll]] for (int e = 0; e < 4; e++) {
			int row = id / 4 + i * (LANES / 4), to = (column * 4 + e) * PITCH + row / 4;
			slices[to][row % 4] = x[i][e];
			slices[SLICE * PITCH + to][row % 4] = z[i][e];
		}
		barrier();
		for (int k = 0; k < SLICE; k += 4) [[unroll]] for (int u = 0; u < 4; u++) {
			vec4 p = slices[(k + u) * PITCH + TY], q = slices[(SLICE + k + u) * PITCH + TX];
			[[unroll]] for (int i = 0; i < 4; i++) s[i] += p[i] * q;
		}
	}
}

// keepWeights stores a tile of weights, s[i][j] of own row ty·4+i and other row tx·4+j, for addWeighted.
void keepWeights(vec4 s[4]) {
	barrier();
	[[unroll]] for (int j = 0; j < 4; j++) weights[(TX * 4 + j) * PITCH + TY] = vec4(s[0][j], s[1][j], s[2][j], s[3][j]);
}

// addWeighted adds to the results of each own row the rows b0 … b0+ROWS−1 of b times their weights.
void addWeighted(inout vec4 result[RESULT], Matrix b, int b0) {
	int id = int(gl_LocalInvocationID.x), column = id % MOST;
	for (int j = 0; j < ROWS; j += SLICE) {
		vec4 x[4];
		[[unroll]] for (int i = 0; i < 4; i++) x[i] = at(b, b0 + j + id / MOST + i * (LANES / MOST), min(column, WIDTH - 1));
		barrier();
		[[unroll]] for (int i = 0; i < 4; i++) slices[(id / MOST + i * (LANES / MOST)) * MOST + column] = x[i];
		barrier();
		for (int k = 0; k < SLICE; k += 4) [[unroll]] for (int u = 0; u < 4; u++) {
			vec4 p = weights[(j + k + u) * PITCH + TY];
			[[unroll]] for (int v = 0; v < NV; v++) {
				vec4 z = slices[(k + u) * MOST + TX + v * SIDE];
				[[unroll]] for (int i = 0; i < 4; i++) result[i * NV + v] += p[i] * z;
			}
		}
	}
}

// shares stores a vector of each lane, one number for each of its own rows, and share returns that of the lane at tx = i of the same rows.
void shares(vec4 own) {
	barrier();
	weights[TX * SIDE + TY] = own;
	barrier();
}
vec4 share(int i) { return weights[i * SIDE + TY]; }

// sumOfShares adds them, in order.
vec4 sumOfShares(vec4 own) {
	shares(own);
	vec4 total = vec4(0);
	[[unroll]] for (int i = 0; i < SIDE; i++) total += share(i);
	return total;
}
