#version 450
#extension GL_GOOGLE_include_directive : require
// y = (x − mean) / (deviation + ε) for each image, with mean and (biased) deviation over its pixels and channels. Squares are of x − mean.
// Bindings: 0 x, read: vec4 [rows][pixels quads]   1 y, write, lanes behind the channels zero.
// Grid: x, z rows; both bound at the slice. A group handles an image, a lane every 64th of its vectors; lanes add pairwise, in a fixed order.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint rows, pixels, quads, width; float eps; };
READS(0, x)
WRITES(1, y)
shared float sums[64];

// total returns Σ v over the lanes, to all of them.
float total(uint l, float v) {
	barrier(); // reads of the previous call are done
	sums[l] = v;
	barrier();
	for (uint far = 32u; far > 0u; far >>= 1u) {
		if (l < far) sums[l] += sums[l + far];
		barrier();
	}
	return sums[0];
}

void main() {
	uint r = GROUP, l = gl_LocalInvocationID.x, size = pixels * quads;
	if (r >= rows) return;
	float count = float(pixels * width), sum = 0.0, squares = 0.0;
	for (uint i = l; i < size; i += 64u) sum += sum4(LOAD(x, r * size + i));
	float mean = total(l, sum) / count;
	for (uint i = l; i < size; i += 64u) {
		vec4 d = mix(vec4(0), LOAD(x, r * size + i) - mean, inRow(i % quads, width));
		squares += dot(d, d);
	}
	float scale = 1.0 / (sqrt(total(l, squares) / count) + eps);
	for (uint i = l; i < size; i += 64u) y[r * size + i] = mix(vec4(0), (LOAD(x, r * size + i) - mean) * scale, inRow(i % quads, width));
}
