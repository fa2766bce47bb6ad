#version 450
#extension GL_GOOGLE_include_directive : require
// Merges the results of the lanes of finite.comp, (first bad vector, bits of Σ g², 0, 0).
// level  merged[j] = parts j, j + groups, j + 2·groups, … put together, groups = ⌈parts / 32⌉
//        Bindings: 0 found, read: uvec4[parts]   1 merged, write: uvec4[groups].  Grid: x, z ⌈groups / 32⌉, a part of the result a lane
// last   norm[0] = (‖g‖, 0, 0, 0), at most 3e38.  halt[0] stays what it is once it is not 0; else it becomes 1 when the loss is not finite, 2 + index
//        of the first bad vector of the gradients when they are not, 0 when all is well.  halt[1] counts the steps that were well.  halt[2] holds
//        the bits of the factor of the gradients in optimizers: min(1, clip / (‖g‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_; 1 where clip is 0.
//        Bindings: 0 found, read: uvec4[parts]   1 loss, read: lane 0   2 halt, add: uint[3]   3 norm, write.  One group; its first lane decides
//! variant level
//! variant last_plain -DLAST
//! variant last_texel -DLAST -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(binding = 0) readonly buffer Found { uvec4 found[]; };

// put merges parts j, j + turn, … below all.
void put(uint j, uint turn, uint all, out uint first, out float sum) {
	first = 0xffffffffu;
	sum = 0.0;
	for (uint k = j; k < all; k += 4u * turn) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uvec4 z = found[min(k + u * turn, all - 1u)]; // the last one more than once does no harm to a minimum
			first = min(first, z.x);
			sum += k + u * turn < all ? uintBitsToFloat(z.y) : 0.0;
		}
	}
}

#ifdef LAST
layout(push_constant) uniform Push { uint parts; float clip; };
READS(1, loss)
layout(binding = 2) buffer Halt { uint halt[]; };
WRITES(3, norm)

void main() {
	if (gl_GlobalInvocationID.x != 0u) return;
	uint first;
	float sum;
	put(0u, 1u, parts, first, sum);
	bool lost = (floatBitsToUint(LOAD(loss, 0).x) & 0x7f800000u) == 0x7f800000u, bad = first != 0xffffffffu;
	float size = bad ? 0.0 : min(sqrt(sum), 3e38);
	norm[0] = vec4(size, 0, 0, 0);
	if (halt[0] != 0u) return;
	halt[0] = lost ? 1u : bad ? 2u + first : 0u;
	halt[1] += halt[0] == 0u ? 1u : 0u;
	halt[2] = floatBitsToUint(clip > 0.0 ? min(1.0, clip / (size + 1e-6)) : 1.0);
}
#else
layout(push_constant) uniform Push { uint n, parts, groups; };
layout(binding = 1) writeonly buffer Merged { uvec4 merged[]; };

void main() {
	uint j = GROUP * 32u + gl_LocalInvocationID.x, first;
	if (j >= groups) return;
	float sum;
	put(j, groups, parts, first, sum);
	merged[j] = uvec4(first, floatBitsToUint(sum), 0, 0);
}
#endif
