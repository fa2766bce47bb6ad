// Declarations for sigreg*.comp: the characteristic function at the knots t_k = k · STEP, k = 1 … KNOTS. At t = 0 it is 1 for every distribution.
#define KNOTS 16u
#define STEP 0.1875

// knotWeight returns exp(−t²/2) and the weight of a knot: the trapezoidal rule over −3 … 3, and the weight exp(−t²/2) of the statistic.
vec2 knotWeight(uint k) {
	float t = float(k) * STEP, normal = exp(-0.5 * t * t);
	return vec2(normal, (k == KNOTS ? STEP : 2.0 * STEP) * normal);
}

// rotor returns cos x and sin x, to 1e-7 for |x| up to some hundred. GLSL's own may be off by 5e-4 (Vulkan, precision of core instructions). After reduction
// to ±π/4 by three parts of π/2, the polynomials are those of Cephes (sinf.c).
void rotor(vec4 x, out vec4 c, out vec4 s) {
	vec4 n = round(x * 0.636619772), r = ((x - n * 1.5703125) - n * 4.837512969970703e-4) - n * 7.549789954891882e-8;
	r = clamp(r, vec4(-0.8), vec4(0.8)); // of numbers without a fraction
	vec4 z = r * r;
	vec4 sine = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
	vec4 cosine = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
	ivec4 q = ivec4(n);
	bvec4 odd = notEqual(q & 1, ivec4(0));
	c = mix(cosine, sine, odd);
	s = mix(sine, cosine, odd);
	c = mix(c, -c, notEqual((q + 1) & 2, ivec4(0)));
	s = mix(s, -s, notEqual(q & 2, ivec4(0)));
}

// turn adds the angle of (dc, ds) to that of (c, s).
void turn(inout vec4 c, inout vec4 s, vec4 dc, vec4 ds) {
	vec4 t = c * dc - s * ds;
	s = s * dc + c * ds;
	c = t;
}
