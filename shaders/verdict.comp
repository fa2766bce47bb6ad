#version 450
#extension GL_GOOGLE_include_directive : require
// halt[0] stays what it is once it is not 0; else it becomes 1 when the loss is not finite, 2 + index of the first bad vector of the
// gradients when they are not, 0 when all is well.  halt[1] counts the steps that were well.
// Bindings: 0 loss, read: lane 0   1 bad, read: uint[chunks]   2 halt, add: uint[2].  One group; its first lane decides.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint chunks; };
READS(0, loss)
layout(binding = 1) readonly buffer Bad { uint bad[]; };
layout(binding = 2) buffer Halt { uint halt[]; };

void main() {
	if (gl_GlobalInvocationID.x != 0u || halt[0] != 0u) return;
	uint first = 0xffffffffu;
	for (uint k = 0u; k < chunks; k++) first = min(first, bad[k]);
	bool lost = (floatBitsToUint(LOAD(loss, 0).x) & 0x7f800000u) == 0x7f800000u;
	halt[0] = lost ? 1u : first != 0xffffffffu ? 2u + first : 0u;
	halt[1] += halt[0] == 0u ? 1u : 0u;
}
