// Jitter: brightness, contrast, saturation and hue in the order that a row gives, as in torchvision's tensor functions. All but hue are
//   v ← clamp(a·v + b·luma(v) + c, 0, 1):  brightness (f, 0, 0), contrast (f, 0, (1 − f)·mean luma), saturation (f, 1 − f, 0)
// In a loop over the order, a device that runs both sides of a branch (llvmpipe) would compute hue four times; with Steps it does so once.
#define CONTRAST 2u
#define SATURATION 3u
#define HUE 4u
const vec4 NONE = vec4(1, 0, 0, 1e30); // a, b, c, and how far the result may lie outside 0 … 1, as cubic weights can cause

// Steps are the ops before contrast, or after it: up to two blends, a shift of hue, up to two blends.
struct Steps {
	vec4 a0, a1, b0, b1;
	bool turn;
	float hue; // sixths of a turn
};

void append(inout vec4 first, inout vec4 second, vec4 step) {
	if (first == NONE) first = step;
	else second = step;
}

// stepsOf returns the ops of the order before contrast, or (late) those after it. Saturation and hue do not change a single channel.
Steps stepsOf(uint order, bool late, float brightness, float saturation, float hue) {
	Steps s = Steps(NONE, NONE, NONE, NONE, false, 6.0 * hue);
	bool behind = false;
	[[unroll]] for (uint k = 0u; k < 12u; k += 3u) {
		uint op = order >> k & 7u;
		if (op == CONTRAST) behind = true;
		if (op == 0u || op == CONTRAST || behind != late || (CHANNELS == 1u && op >= SATURATION)) continue;
		vec4 step = op == SATURATION ? vec4(saturation, 1.0 - saturation, 0, 0) : vec4(brightness, 0, 0, 0);
		if (op == HUE) s.turn = true;
		else if (s.turn) append(s.b0, s.b1, step);
		else append(s.a0, s.a1, step);
	}
	return s;
}

bool hasContrast(uint order) {
	uvec4 ops = uvec4(order, order >> 3u, order >> 6u, order >> 9u) & 7u;
	return any(equal(ops, uvec4(CONTRAST)));
}

vec3 blend(vec3 v, vec4 s) {
	v = s.x * v + (s.y * luma(v) + s.z);
	return BICUBIC ? clamp(v, -s.w, 1.0 + s.w) : clamp(v, 0.0, 1.0);
}

// turned shifts the hue: with M the largest channel, d = M − the smallest channel, h the hue in sixths of a turn,
//   v_c ← M − d·clamp(min(k, 4 − k), 0, 1), k = (h + shift + 5, 3, 1 for red, green, blue) mod 6;
// torchvision clamps all but the largest channel, which matters only for v outside 0 … 1.
vec3 turned(vec3 v, float shift) {
	float top = max(v.x, max(v.y, v.z)), d = top - min(v.x, min(v.y, v.z)), per = d > 0.0 ? 1.0 / d : 0.0;
	float h = top == v.x ? (v.y - v.z) * per : top == v.y ? 2.0 + (v.z - v.x) * per : 4.0 + (v.x - v.y) * per;
	vec3 k = vec3(5, 3, 1) + (h + shift);
	k -= 6.0 * floor(k * (1.0 / 6.0));
	vec3 w = clamp(min(k, 4.0 - k), 0.0, 1.0);
	v = top - d * w;
	return BICUBIC ? mix(vec3(top), clamp(v, 0.0, 1.0), greaterThan(w, vec3(0))) : v;
}

vec3 colored(vec3 v, Steps s) {
	v = blend(blend(v, s.a0), s.a1);
	if (CHANNELS == 1u) return v;
	v = mix(v, turned(v, s.hue), bvec3(s.turn));
	return blend(blend(v, s.b0), s.b1);
}
