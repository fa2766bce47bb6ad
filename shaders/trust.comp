#version 450
#extension GL_GOOGLE_include_directive : require
// trust[k] = (f, λ', 0, 0): the factors of parameter k in f·g + λ'·p. c = 1, or with clip the factor from verdict.comp in halt; if each is above 0,
// c ← c·min(1, each/(c‖g‖ + 1e-6)). λ is the scalar times the parameter's multiple d.
//   kind 0  f = c, λ' = λ
//   kind 1  LARS: f = q·c, λ' = q·λ with q = η‖p‖/‖c·g + λp‖, or 1 if a norm is 0
//   kind 2  LARC: the same with q = min(1, η‖p‖/(‖c·g‖ + λ‖p‖ + 1e-8)/lr), lr the parameter's own; if a norm is 0, f = c and λ' = 0
// If d is 0, kind 0 applies.
// Bindings: 0 part, read: vec4[blocks] of squares.comp   1 params, read: vec4[2] per parameter = (multiple of lr, d, …, gate or −1), (first block, blocks, …)
//           2 scalars, read: float[64]   3 halt, read: uint[3]   4 trust, write.
// Grid: x, z parameters. A group handles a parameter, a lane every 128th of its blocks; lanes add pairwise, in a fixed order.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 128) in;
layout(push_constant) uniform Push { uint count, lr, decay, clip; float each; uint kind; float eta; };
READS(0, part)
READS(1, params)
READS(2, scalars)
layout(binding = 3) readonly buffer Halt { uint halt[]; };
WRITES(4, trust)
#define SCALAR(I) LOAD(scalars, (I) / 4u)[(I) % 4u]
shared vec4 sums[128];

void main() {
	uint k = GROUP, l = gl_LocalInvocationID.x;
	if (k >= count) return;
	vec4 info = LOAD(params, 2u * k), at = LOAD(params, 2u * k + 1u), v = vec4(0);
	uint first = uint(at.x), blocks = uint(at.y);
	for (uint b = l; b < blocks; b += 512u) {
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			vec4 z = LOAD(part, first + min(b + u * 128u, blocks - 1u));
			v += b + u * 128u < blocks ? z : vec4(0);
		}
	}
	sums[l] = v;
	barrier();
	for (uint far = 64u; far > 0u; far >>= 1u) {
		if (l < far) sums[l] += sums[l + far];
		barrier();
	}
	if (l != 0u) return;
	v = clamp(sums[0], vec4(-3e38), vec4(3e38));
	float g = sqrt(v.x), p = sqrt(v.y), c = clip != 0u ? uintBitsToFloat(halt[2]) : 1.0, lambda = SCALAR(decay) * info.y, q = 1.0;
	if (each > 0.0) c *= min(1.0, each / (c * g + 1e-6));
	if (kind == 1u && info.y != 0.0) {
		float both = sqrt(max(c * c * v.x + 2.0 * c * lambda * v.z + lambda * lambda * v.y, 0.0));
		if (p > 0.0 && both > 0.0) q = eta * p / both;
	}
	if (kind == 2u && info.y != 0.0) {
		uint gate = info.w < 0.0 ? lr : uint(info.w);
		float rate = SCALAR(lr) * info.x * (info.w < 0.0 ? 1.0 : SCALAR(gate)), most = eta * p / (c * g + lambda * p + 1e-8);
		if (p == 0.0 || g == 0.0) lambda = 0.0;
		else if (most < rate) q = most / rate;
	}
	trust[k] = vec4(q * c, q * lambda, 0, 0);
}
