#version 450
#extension GL_GOOGLE_include_directive : require
// The optimizer's settings for a block of 256 bytes of the flat set, which belongs to one parameter: rates[i] = (η·r, λ·d, e, f). η and λ are scalars of
// the step, r and d the parameter's multiples of them, e is 1 − momentum of its average (0: none), and f the factor of its gradient: 1, or with clip
// the factor from verdict.comp in halt. A gate multiplies η·r; if the gate is 0, −1 makes the optimizer skip the block. With trust, trust.comp gives
// λ·d and f. adamw.comp divides by the bias corrections of all steps, but a gated parameter has had fewer: the scalar `own` corrects η·r, and λ·d is
// divided by it if the rate multiplies the decay again.
// Bindings: 0 owner, read: float[blocks], the parameter's number   1 params, read: vec4[2] per parameter = (r, d, averaged, gate or −1),
//           (…, …, own or −1, 1: divide λ·d)   2 scalars, read: float[64]   3 halt, read: uint[3]
//           4 rates, write: vec4[n] at the slice, which begins at block `first`   [5 trust, read: vec4 per parameter].
// Grid: x, z ⌈n / 32⌉, one lane per block.
//! variant bare_plain
//! variant bare_texel -DTEXEL
//! variant trust_plain -DTRUST
//! variant trust_texel -DTRUST -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, first, lr, decay, ema, clip; };
READS(0, owner)
READS(1, params)
READS(2, scalars)
layout(binding = 3) readonly buffer Halt { uint halt[]; };
WRITES(4, rates)
#ifdef TRUST
READS(5, trust)
#endif
#define SCALAR(I) LOAD(scalars, (I) / 4u)[(I) % 4u]

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x, b = first + i;
	if (i >= n) return;
	uint k = uint(LOAD(owner, b / 4u)[b % 4u]);
	vec4 p = LOAD(params, 2u * k);
	vec4 v = vec4(SCALAR(lr) * p.x, SCALAR(decay) * p.y, p.z != 0.0 ? SCALAR(ema) : 0.0, clip != 0u ? uintBitsToFloat(halt[2]) : 1.0);
#ifdef TRUST
	v.yw = LOAD(trust, k).yx;
#endif
	uint gate = p.w < 0.0 ? lr : uint(p.w);
	if (p.w >= 0.0) v.x = SCALAR(gate) == 0.0 ? -1.0 : v.x * SCALAR(gate);
	vec4 at = LOAD(params, 2u * k + 1u);
	float own = at.z < 0.0 ? 1.0 : SCALAR(uint(at.z));
	if (v.x > 0.0) v.x *= own;
	if (at.w != 0.0) v.y /= own;
	rates[i] = v;
}
