// The push constants of the implicit-GEMM forward kernels: conv.comp, conv3.comp and tiled.comp.
layout(push_constant) uniform Push {
	uint rows, gridW, gridHW;   // positions in this dispatch; grid width and area
	int c, c4, k4, inH, inW;    // input channels, in vectors; output vectors
	int step, offH, offW, dir;  // position = grid·step + off + tap·dir; with STRIDE of tiled_gather.glsl, off is the padding, and taps are those of all classes
	int tapsH, tapsW, wTap0, wTapH, wTapW, wIn;
	int outN, outH, outW, out0; // in vectors
	uint add;
	int xBatch, wBatch, yBatch; // vectors from one matrix of a batch to the next; zero for conv3.comp
	int tile0;                  // tiled.comp: the first tile of the slice, among those of all rows
#ifdef SUMS
	uint relu, increment, row0; // see tiled_sums.glsl: how the ReLU's mask is found; whether the sums are those of what is added to y; the slice's first row of y
#endif
} p;
