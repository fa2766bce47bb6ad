#version 450
#extension GL_GOOGLE_include_directive : require
// Views, pass 1: crop, antialiased resize, flips and quarter turns, jitter up to contrast, and the sums for contrast.
//   resized[y x] = Σ_ij u_yi v_xj source[top+i, left+j] / 255, u_yi = f((i + ½ − (y + ½)s) / max(s, 1)), normalized over the box;
//   s = height / resizedH; v likewise; f(d) = max(0, 1 − |d|), or the cubic of a = −½. These are torchvision's weights with antialias=True.
//   Pixels of the view outside the resized box are black.
// Bindings: 0 source, read: uint8, [n] slots of `slot` pixels of 1 or 4 bytes (R G B X), rows of `pitch` pixels
//           1 table, read: vec4 [row][quads]   2 result, write: vec4 [n][SIZE SIZE]   3 sums, write: float [n][64], of luma
//           All but the table are bound at the slice: n from 0.
// Grid: x, z rows. A group of 64 lanes makes a view; lane l makes, and sums, pixels l, l + 64, …
// Both loops take as many turns in all lanes and are tested at their foot: on llvmpipe a test at the head costs about one more turn, and
// where lanes left a loop at its foot one by one, sums taken from it were wrong (Mesa 22.3.6).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint rows, quads, row0, slot; };
#ifdef TEXEL
READS(0, source)
uint word(uint i) { return floatBitsToUint(LOAD(source, i >> 2u)[i & 3u]); }
#else
layout(binding = 0) readonly restrict buffer Source { uint source[]; };
uint word(uint i) { return source[i]; }
#endif
READS(1, table)
WRITES(2, result)
layout(binding = 3) writeonly restrict buffer Sums { float sums[]; };
#include "views.glsl"
#include "views_color.glsl"

vec3 pixel(uint i) { // 0 … 255
	if (CHANNELS == 1u) return vec3(float(word(i >> 2u) >> (i & 3u) * 8u & 255u), 0, 0);
	uint w = word(i);
	return vec3(w & 255u, w >> 8u & 255u, w >> 16u & 255u);
}

vec2 weight(vec2 d) {
	d = abs(d);
	if (!BICUBIC) return max(1.0 - d, 0.0);
	vec2 far = ((d - 5.0) * d + 8.0) * d - 4.0; // · −½, beyond 1
	return mix((1.5 * d - 2.5) * d * d + 1.0, mix(-0.5 * far, vec2(0), greaterThanEqual(d, vec2(2))), greaterThanEqual(d, vec2(1)));
}

// pair returns the weights of taps i and i+1, or 0 beyond the last tap.
vec2 pair(int i, int end, float center, float r) {
	ivec2 taps = ivec2(i, i + 1);
	return mix(vec2(0), weight((vec2(taps) + 0.5 - center) * r), lessThan(taps, ivec2(end)));
}

// resized returns 255 times pixel `at` (x, y) of the resized box, which begins at pixel `origin`.
vec3 resized(vec2 at, uint origin, uint pitch, vec2 box, vec2 s) {
	vec2 reach = max(s, 1.0), r = 1.0 / reach, center = (at + 0.5) * s, support = BICUBIC ? 2.0 * reach : reach;
	ivec2 first = max(ivec2(center - support + 0.5), 0), end = min(ivec2(center + support + 0.5), ivec2(box));
	ivec2 span = ivec2(ceil(2.0 * support)), t = ivec2(0); // the largest number of taps
	vec3 sum = vec3(0);
	float all = 0.0;
	do {
		ivec2 i = first + t, low = min(i, end - 1), high = min(i + 1, end - 1);
		vec2 u = pair(i.y, end.y, center.y, r.y), v = pair(i.x, end.x, center.x, r.x);
		uint up = origin + uint(low.y) * pitch, down = origin + uint(high.y) * pitch;
		sum += u.x * (v.x * pixel(up + uint(low.x)) + v.y * pixel(up + uint(high.x)));
		sum += u.y * (v.x * pixel(down + uint(low.x)) + v.y * pixel(down + uint(high.x)));
		all += (u.x + u.y) * (v.x + v.y);
		t = t.x + 2 < span.x ? ivec2(t.x + 2, t.y) : ivec2(0, t.y + 2);
	} while (t.y < span.y);
	return sum / all;
}

// turnOf returns the matrix that undoes quarter turns (counterclockwise), then flips, for x and y relative to the middle of the view.
mat2 turnOf(uint turn) {
	uint quarters = turn >> 2u;
	float c = quarters == 0u ? 1.0 : quarters == 2u ? -1.0 : 0.0, s = quarters == 1u ? 1.0 : quarters == 3u ? -1.0 : 0.0;
	vec2 mirror = vec2((turn & 1u) != 0u ? -1 : 1, (turn & 2u) != 0u ? -1 : 1);
	return mat2(mirror * vec2(c, s), mirror * vec2(-s, c));
}

void main() {
	uint n = GROUP, lane = gl_LocalInvocationID.x, row = ROW(n);
	if (n >= rows) return;
	vec4 box = LOAD(table, row), size = LOAD(table, row + 1u), how = LOAD(table, row + 2u), color = LOAD(table, row + 3u);
	uint pitch = uint(size.x), origin = n * slot + uint(box.x) * pitch + uint(box.y);
	vec2 resizedTo = size.zy, s = box.wz / resizedTo, offset = vec2(how.x, size.w), middle = vec2(0.5 * float(SIZE - 1u));
	mat2 turn = turnOf(uint(how.y));
	Steps steps = stepsOf(uint(how.z), false, how.w, color.y, color.z);
	float sum = 0.0;
	uint first = 0u;
	do {
		uint p = first + lane;
		vec2 at = turn * (vec2(p % SIZE, p / SIZE) - middle) + middle + offset, inside = clamp(at, vec2(0), resizedTo - 1.0);
		vec3 v = resized(inside, origin, pitch, box.wz, s) * (at == inside ? 1.0 / 255.0 : 0.0);
		v = colored(v, steps);
		if (p < AREA) {
			sum += luma(v);
			result[n * AREA + p] = vec4(v, 0);
		}
	} while ((first += 64u) < AREA);
	sums[n * 64u + lane] = sum;
}
