#version 450
#extension GL_GOOGLE_include_directive : require
// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2) as torch.optim.AdamW: g ← f·grad;  p ← p·(1 − η·λ);  m ← β₁m + (1 − β₁)g;
// v ← β₂v + (1 − β₂)g²;  p ← p − (η/c₁)·m / (√(v/c₂) + ε), where cᵢ = 1 − βᵢᵗ are scalars of the step. With coupled it is torch.optim.Adam:
// g ← f·grad + λ·p, without the decay of p. (η, λ, e, f) are rates as in sgd.comp.
// rest = 1 − β comes from the host, since 1 − float32(0.999) is off by 1.3e-5.
// average also updates moving averages, as in sgd.comp.
// Bindings: 0 grad, read   1 p   2 m   3 v   [4 avg], add: [n] vectors   then rates, read: vec4[⌈n/16⌉]; scalars, read: float[64]; halt, read: uint[3]
// Grid: x, z ⌈n / 32⌉, one lane per vector; all but scalars and halt bound at the slice.
//! variant plain
//! variant texel -DTEXEL
//! variant average_plain -DAVERAGE
//! variant average_texel -DAVERAGE -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, c1, c2; float beta1, beta2, rest1, rest2, eps; uint coupled; };
READS(0, grad)
WRITES(1, p)
WRITES(2, m)
WRITES(3, v)
#ifdef AVERAGE
WRITES(4, avg)
#define B 5
#else
#define B 4
#endif
READS(B, rates)
READS(B + 1, scalars)
layout(binding = B + 2) readonly buffer Halt { uint halt[]; };
#define SCALAR(I) LOAD(scalars, (I) / 4u)[(I) % 4u]

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n || halt[0] != 0u) return;
	vec4 t = LOAD(rates, i / 16u), w = p[i];
	if (t.x >= 0.0) {
		vec4 g = t.w * LOAD(grad, i);
		if (coupled != 0u) g += t.y * w;
		else w *= 1.0 - t.x * t.y;
		vec4 a = beta1 * m[i] + rest1 * g, b = beta2 * v[i] + rest2 * g * g;
		m[i] = a;
		v[i] = b;
		w -= t.x / SCALAR(c1) * a / (sqrt(b / SCALAR(c2)) + eps);
		p[i] = w;
	}
#ifdef AVERAGE
	if (t.z != 0.0) avg[i] += t.z * (w - avg[i]);
#endif
}
