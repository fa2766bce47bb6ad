#version 450
#extension GL_GOOGLE_include_directive : require
// SGD with momentum as torch.optim.SGD: g ← grad + λ·d·p;  v ← μ·v + g;  p ← p − η·r·v.  η and λ are scalars of the step, r and d a table's.
// Where clip is set, grad is first multiplied by what verdict.comp left in halt.
// Bindings: 0 grad, read   1 p, add   2 v, add: [n] vectors   3 table, read: vec4[⌈n/16⌉] = (r, d, 0, 0) for 256 bytes each
//           4 scalars, read: float[64]   5 halt, read: uint[3].  Grid: x, z ⌈n / 32⌉, a vector a lane; 0-3 at the slice.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, lr, decay; float momentum; uint clip; };
READS(0, grad)
WRITES(1, p)
WRITES(2, v)
READS(3, table)
READS(4, scalars)
layout(binding = 5) readonly buffer Halt { uint halt[]; };

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= n || halt[0] != 0u) return;
	vec4 t = LOAD(table, i / 16u), w = p[i], g = LOAD(grad, i);
	if (clip != 0u) g *= uintBitsToFloat(halt[2]);
	float eta = LOAD(scalars, lr / 4u)[lr % 4u] * t.x, lambda = LOAD(scalars, decay / 4u)[decay % 4u] * t.y;
	vec4 u = momentum * v[i] + g + lambda * w;
	v[i] = u;
	p[i] = w - eta * u;
}
