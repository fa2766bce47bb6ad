#version 450
#extension GL_GOOGLE_include_directive : require
// SGD with momentum as torch.optim.SGD: g ← f·grad + λ·p;  v ← μ·v + g;  p ← p − η·v, or with nesterov p ← p − η·(g + μ·v).  (η, λ, e, f) are rates,
// one vector for 256 bytes. If η is negative, p and v do not change.
// average then also updates the moving average if e is not 0: avg ← avg + e·(p − avg).
// Bindings: 0 grad, read   1 p, add   2 v, add   [3 avg, add]: [n] vectors   then rates, read: vec4[⌈n/16⌉]; halt, read: uint[3].
// Grid: x, z ⌈n / 32⌉, one lane per vector; all but halt bound at the slice.
//! variant plain
//! variant texel -DTEXEL
//! variant average_plain -DAVERAGE
//! variant average_texel -DAVERAGE -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n; float momentum; uint nesterov; };
READS(0, grad)
WRITES(1, p)
WRITES(2, v)
#ifdef AVERAGE
WRITES(3, avg)
#define B 4
#else
#define B 3
#endif
READS(B, rates)
layout(binding = B + 1) readonly buffer Halt { uint halt[]; };

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n || halt[0] != 0u) return;
	vec4 t = LOAD(rates, i / 16u), w = p[i];
	if (t.x >= 0.0) {
		vec4 g = t.w * LOAD(grad, i) + t.y * w, u = momentum * v[i] + g;
		v[i] = u;
		w -= t.x * (nesterov != 0u ? g + momentum * u : u);
		p[i] = w;
	}
#ifdef AVERAGE
	if (t.z != 0.0) avg[i] += t.z * (w - avg[i]);
#endif
}
