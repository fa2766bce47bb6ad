#version 450
#extension GL_GOOGLE_include_directive : require
// What optimizers do to 256 bytes of the flat set, all of one parameter: rates[i] = (η·r, λ·d, e, f); η and λ are scalars of the step, r and d the
// parameter's multiples of them, e its rate of averaging or 0, f what its gradient is multiplied by: 1, or with clip what verdict.comp left in halt.
// Where the parameter has a gate η·r is multiplied by that scalar, and −1 where it is 0: leave it alone. With trust λ·d and f are those of trust.comp.
// adamw.comp divides by the bias corrections of all steps. A gate has seen fewer: the scalar `own` makes η·r right, and where the rate multiplies the
// decay once more λ·d is divided by it.
// Bindings: 0 owner, read: float[blocks], the parameter's number   1 params, read: vec4[2] a parameter = (r, d, averaged, gate or −1),
//           (…, …, own or −1, 1: divide λ·d)   2 scalars, read: float[64]   3 halt, read: uint[3]
//           4 rates, write: vec4[n] at the slice, which starts at block `first`   [5 trust, read: vec4 a parameter].
// Grid: x, z ⌈n / 32⌉, a block a lane.
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
