#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of group norm: the means over a group of an image, A = Σ_c γ·s1 / m and B = Σ_c γ·s2 / m, m = area · channels; see gn_back.comp.
// Bindings: 0 s1   1 s2, read: [images][c4]   2 gamma, read: [c4]   3 means, write: vec4[images][groups], A and B in lanes 0 and 1
// Grid: x, z ⌈images · groups / 32⌉, one lane per group of an image.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint images, c4, quads, channels, area; };
READS(0, s1)
READS(1, s2)
READS(2, gamma)
WRITES(3, means)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, groups = c4 / quads;
	if (id >= images * groups) return;
	uint n = id / groups, c = id % groups * quads;
	vec4 a = vec4(0), b = vec4(0);
	for (uint q = c; q < c + quads; q++) { // pad lanes have γ = 0
		vec4 scale = LOAD(gamma, q);
		a += scale * LOAD(s1, n * c4 + q);
		b += scale * LOAD(s2, n * c4 + q);
	}
	means[id] = vec4(sum4(a), sum4(b), 0, 0) / (float(area) * float(channels));
}
