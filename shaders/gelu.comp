#version 450
#extension GL_GOOGLE_include_directive : require
// y = x·Φ(x), Φ(x) = ½ (1 + erf(x/√2));  back: dx (+)= dy · (Φ(x) + x·φ(x)), φ = e^{−x²/2} / √(2π)
// erfc(a) = (a₁t + … + a₅t⁵)·e^{−a²}, t = 1/(1 + 0.3275911 a), is within 1.5e-7 for a ≥ 0 (Abramowitz and Stegun 1964, 7.1.26).
// Bindings: 0 x, read   1 y, write    back: 0 dy   1 x, read   2 dx, write or add; all [n] vectors.
// Grid: x, z ⌈n / 256⌉. One lane makes eight vectors, 32 apart.
//! variant forward_plain
//! variant forward_texel -DTEXEL
//! variant back_plain -DBACK
//! variant back_texel -DBACK -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n, add; };
#ifdef BACK
READS(0, dy)
READS(1, x)
WRITES(2, dx)
#else
READS(0, x)
WRITES(1, y)
#endif

void main() {
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint i = GROUP * 256u + k * 32u + gl_LocalInvocationID.x, j = min(i, n - 1u);
		vec4 v = LOAD(x, j), bell = exp(-0.5 * v * v), t = 1.0 / (1.0 + (0.3275911 * 0.70710678) * abs(v));
		vec4 tail = 0.5 * bell * t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
		vec4 cdf = mix(1.0 - tail, tail, lessThan(v, vec4(0)));
#ifdef BACK
		vec4 d = LOAD(dy, j) * (cdf + 0.39894228 * v * bell);
		if (i < n) WRITE(dx, i, add, d);
#else
		if (i < n) STORE(y, i, v * cdf);
#endif
	}
}
