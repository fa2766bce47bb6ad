#version 450
#extension GL_GOOGLE_include_directive : require
// SGD with momentum as torch.optim.SGD: g ← grad + λ·d·p;  v ← μ·v + g;  p ← p − η·r·v.  η and λ are scalars of the step, r and d a table's.
// Where clip is set, grad is first multiplied by what verdict.comp left in halt.
// Where the table's third number says so, average then moves the moving average, avg ← avg + e·(p − avg), e = 1 − m a scalar of the step.
// Bindings: 0 grad, read   1 p, add   2 v, add   [3 avg, add]: [n] vectors   then table, read: vec4[⌈n/16⌉] = (r, d, averaged, 0) for 256 bytes
//           each; scalars, read: float[64]; halt, read: uint[3].  Grid: x, z ⌈n / 32⌉, a vector a lane; all but scalars and halt at the slice.
//! variant plain
//! variant texel -DTEXEL
//! variant average_plain -DAVERAGE
//! variant average_texel -DAVERAGE -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, lr, decay; float momentum; uint clip;
#ifdef AVERAGE
	uint ema;
#endif
};
READS(0, grad)
WRITES(1, p)
WRITES(2, v)
#ifdef AVERAGE
WRITES(3, avg)
#define B 4
#else
#define B 3
#endif
READS(B, table)
READS(B + 1, scalars)
layout(binding = B + 2) readonly buffer Halt { uint halt[]; };
#define SCALAR(I) LOAD(scalars, (I) / 4u)[(I) % 4u]

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n || halt[0] != 0u) return;
	vec4 t = LOAD(table, i / 16u), w = p[i], g = LOAD(grad, i);
	if (clip != 0u) g *= uintBitsToFloat(halt[2]);
	float eta = SCALAR(lr) * t.x, lambda = SCALAR(decay) * t.y;
	vec4 u = momentum * v[i] + g + lambda * w;
	v[i] = u;
	w -= eta * u;
	p[i] = w;
#ifdef AVERAGE
	if (t.z != 0.0) avg[i] += SCALAR(ema) * (w - avg[i]);
#endif
}
