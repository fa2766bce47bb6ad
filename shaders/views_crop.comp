#version 450
#extension GL_GOOGLE_include_directive : require
// Views, pass 1: crop, resize with antialiased bilinear weights, flip.
//   out[n y x c] = Σ_ij u_yi v_xj source[slot, top+i, left+j, c] / 255, x mirrored where the row says so
//   u_yi = tri((i + ½ − (y + ½)s) / max(s, 1)), normalised over 0 ≤ i < crop height; s = crop height / size; v likewise;
//   tri(d) = max(0, 1 − |d|). These are the weights of torchvision's resize with antialias=True.
// Bindings: 0 source, read: uint8 packed four to a uint, [slot][H W channels], each image padded to `words` uints
//           1 table, read: vec4 [row][4], columns in views.glsl, indexed row0 + n
//           2 out, write: float [n][size size 4], 0 … 1, lanes from `channels` on zero; bound at the slice: n from 0
// Grid: x ⌈size·size / 32⌉, y rows. One lane makes one output pixel. 1 ≤ channels ≤ 4.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "views.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push {
	uint rows, row0, size, channels; // output images of this dispatch; table row of the first; side in pixels
	uint width, words;               // source: pixels in a row, uints from image to image
};
layout(binding = 0) readonly restrict buffer Source { uint source[]; };
READS(1, table)
WRITES(2, result)

// span is the half-open range of taps of output i where n source pixels become `size`.
ivec2 span(float centre, float support, int n) {
	return ivec2(max(int(centre - support + 0.5), 0), min(int(centre + support + 0.5), n));
}

float tri(float d) { return max(0.0, 1.0 - abs(d)); }

void main() {
	uint n = gl_WorkGroupID.y, p = gl_WorkGroupID.x * 32u + gl_LocalInvocationID.x;
	if (n >= rows || p >= size * size) return;
	vec4 place = LOAD(table, (row0 + n) * 4u); // COL_SOURCE to COL_HEIGHT
	uint base = uint(place.x) * words * 4u, top = uint(place.y), left = uint(place.z);
	float boxH = place.w, boxW = COLUMN(row0 + n, COL_WIDTH);
	uint y = p / size, x = p - y * size;
	if (COLUMN(row0 + n, COL_FLIP) != 0.0) x = size - 1u - x;

	float sy = boxH / float(size), sx = boxW / float(size);
	float ry = max(sy, 1.0), rx = max(sx, 1.0); // support in source pixels
	float cy = (float(y) + 0.5) * sy, cx = (float(x) + 0.5) * sx;
	ivec2 iy = span(cy, ry, int(boxH)), ix = span(cx, rx, int(boxW));

	vec4 sum = vec4(0.0);
	float all = 0.0;
	for (int i = iy.x; i < iy.y; i++) {
		float u = tri((float(i) + 0.5 - cy) / ry);
		uint at = base + ((top + uint(i)) * width + left + uint(ix.x)) * channels; // byte address of the first tap
		for (int j = ix.x; j < ix.y; j++) {
			float w = u * tri((float(j) + 0.5 - cx) / rx);
			all += w;
			for (uint c = 0u; c < channels; c++, at++) {
				float v = w * float((source[at >> 2] >> ((at & 3u) * 8u)) & 255u);
				sum += vec4(c == 0u ? v : 0.0, c == 1u ? v : 0.0, c == 2u ? v : 0.0, c == 3u ? v : 0.0);
			}
		}
	}
	result[n * size * size + p] = sum / (all * 255.0);
}
