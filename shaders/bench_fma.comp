#version 450
#extension GL_EXT_control_flow_attributes : require
// Measures the device's peak of fp32 multiply-adds: each lane has CHAINS independent vectors x ← x·a + b, and stores their sum, so that the compiler
// removes nothing.
// Bindings: 0 factors, read: a, b   1 out, write: [lanes] vectors.  Grid: x. Work: turns · UNROLL · CHAINS · 8 FLOP a lane.
// Specialization constant 0 is the size of a work group. The fastest variant differs by device (compilers may not fuse x·a + b, registers may run
// out), so the benchmark tries all of them.
//! variant fma2 -DFMA -DCHAINS=2
//! variant fma4 -DFMA -DCHAINS=4
//! variant fma8 -DFMA -DCHAINS=8
//! variant fma16 -DFMA -DCHAINS=16
//! variant mad2 -DCHAINS=2
//! variant mad4 -DCHAINS=4
//! variant mad8 -DCHAINS=8
//! variant mad16 -DCHAINS=16
#define UNROLL 8
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { uint turns; };
layout(binding = 0) readonly buffer Factors { float a, b; };
layout(binding = 1) writeonly buffer Out { vec4 result[]; };
#ifdef FMA
#define STEP(X) fma(X, vec4(f), vec4(g))
#else
#define STEP(X) (X) * f + g
#endif

void main() {
	const float f = a, g = b;
	vec4 x[CHAINS], sum = vec4(0);
	[[unroll]] for (int c = 0; c < CHAINS; c++) x[c] = vec4(0, 1, 2, 3) + float(4 * c + int(gl_LocalInvocationID.x));
	for (uint t = 0u; t < turns; t++) [[unroll]] for (int u = 0; u < UNROLL; u++) [[unroll]] for (int c = 0; c < CHAINS; c++) x[c] = STEP(x[c]);
	[[unroll]] for (int c = 0; c < CHAINS; c++) sum += x[c];
	result[gl_GlobalInvocationID.x] = sum;
}
