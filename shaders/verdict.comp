#version 450
#extension GL_GOOGLE_include_directive : require
// Merges the results of the lanes of finite.comp, (first bad vector, bits of Σ g², 0, 0).
// level  merged[j] = parts j, j + groups, j + 2·groups, … merged, groups = ⌈parts / 32⌉
//        Bindings: 0 found, read: uvec4[parts]   1 merged, write: uvec4[groups].  Grid: x, z ⌈groups / 32⌉, one lane per part of the result
// last   norm[0] = (‖g‖, 0, 0, 0), at most 3e38.  halt[0] does not change once it is not 0; else it becomes 1 if the loss is not finite, 2 + index
//        of the first bad vector if the gradients are not, and 0 if all is finite.  halt[1] counts the finite steps.  halt[2] holds
//        the bits of the factor of the gradients in optimizers: min(1, clip / (‖g‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_; 1 if clip is 0.
//        Bindings: 0 found, read: uvec4[parts]   1 loss, read: lane 0   2 halt, add: uint[3]   3 norm, write.  One group, whose first lane decides
// scaled as last, for gradients of the loss times scale[0].x: ‖g‖ and the factor in halt[2] are divided by it. halt[0] is of this step alone, until it has
//        not been 0 for `most` steps in a row; after each of them the scale is halved, after `growth` finite steps it is doubled, within 2⁻¹⁴ … 2²⁴.
//        Bindings: as last, and 4 scale   5 count (finite steps since the scale changed, steps in a row that were not), add.
//! variant level
//! variant last_plain -DLAST
//! variant last_texel -DLAST -DTEXEL
//! variant scaled_plain -DLAST -DSCALED
//! variant scaled_texel -DLAST -DSCALED -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(binding = 0) readonly buffer Found { uvec4 found[]; };

// put merges parts j, j + turn, … below `all`.
void put(uint j, uint turn, uint all, out uint first, out float sum) {
	first = 0xffffffffu;
	sum = 0.0;
	for (uint k = j; k < all; k += 4u * turn) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uvec4 z = found[min(k + u * turn, all - 1u)]; // a repeated last one does not change a minimum
			first = min(first, z.x);
			sum += k + u * turn < all ? uintBitsToFloat(z.y) : 0.0;
		}
	}
}

#ifdef LAST
READS(1, loss)
layout(binding = 2) buffer Halt { uint halt[]; };
WRITES(3, norm)
#ifdef SCALED
layout(push_constant) uniform Push { uint parts; float clip, most, growth; };
WRITES(4, scale)
WRITES(5, count)
#else
layout(push_constant) uniform Push { uint parts; float clip; };
#endif

void main() {
	if (gl_GlobalInvocationID.x != 0u) return;
	uint first;
	float sum, loud = 1.0;
	put(0u, 1u, parts, first, sum);
	bool lost = (floatBitsToUint(LOAD(loss, 0).x) & 0x7f800000u) == 0x7f800000u, bad = first != 0xffffffffu, halted = halt[0] != 0u;
#ifdef SCALED
	loud = scale[0].x;
	halted = halted && count[0].y >= most;
#endif
	float size = bad ? 0.0 : min(sqrt(sum) / loud, 3e38);
	norm[0] = vec4(size, 0, 0, 0);
	if (halted) return;
	halt[0] = lost ? 1u : bad ? 2u + first : 0u;
	halt[1] += halt[0] == 0u ? 1u : 0u;
	halt[2] = floatBitsToUint((clip > 0.0 ? min(1.0, clip / (size + 1e-6)) : 1.0) / loud);
#ifdef SCALED
	vec2 c = halt[0] == 0u ? vec2(count[0].x + 1.0, 0) : vec2(0, count[0].y + 1.0);
	float next = halt[0] != 0u ? 0.5 * loud : c.x >= growth ? 2.0 * loud : loud;
	scale[0] = vec4(clamp(next, 1.0 / 16384.0, 16777216.0), 0, 0, 0);
	count[0] = vec4(c.x >= growth ? 0.0 : c.x, c.y, 0, 0);
#endif
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
