// The push constants of the implicit-GEMM weight-gradient kernels: wgrad.comp, wgrad3.comp and tiled.comp.
layout(push_constant) uniform Push {
	uint rows, chunk, chunk0;  // positions in the slice, in a chunk; the slice's first chunk
	int gridW, gridH;
	int c4, k, k4, inH, inW;
	int stride, pad, tapsH, tapsW;
	uint tiles;
} p;
