#version 450
#extension GL_GOOGLE_include_directive : require
// Measures the device's copy bandwidth: y[i] = x[i], in vectors, without copy.comp's branch for adding (a CPU device runs both sides of a branch).
// Bindings: 0 x, read   1 y, write.  Grid: x, z [groups]; a group copies 256 vectors, a lane eight, 32 apart.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
READS(0, x)
WRITES(1, y)

void main() {
	uint first = GROUP * 256u + gl_LocalInvocationID.x;
	[[unroll]] for (uint k = 0u; k < 8u; k++) y[first + k * 32u] = LOAD(x, first + k * 32u);
}
