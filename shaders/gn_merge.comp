#version 450
#extension GL_GOOGLE_include_directive : require
// Group norm: merges the mean and M2 of each channel over an image's positions into those of a group of channels, and computes mean and 1/√(σ² + ε),
// σ² = M2 / (area · channels), biased.
// Bindings: 0 part, read: [images][mean M2][c4], of bn_stats.comp   1 stats, write: vec4[images][c4/quads], mean and 1/√(σ² + ε) in lanes 0 and 1
// Grid: x, z ⌈images · groups / 32⌉, one lane per group of an image. A group has `quads` vectors with `channels` channels; the rest are pad lanes.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint images, c4, quads, channels, area; float eps; };
READS(0, part)
WRITES(1, stats)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, groups = c4 / quads;
	if (id >= images * groups) return;
	uint from = id / groups * 2u * c4 + id % groups * quads;
	vec4 s = vec4(0), m2 = vec4(0), between = vec4(0);
	for (uint q = 0u; q < quads; q++) s += LOAD(part, from + q); // pad lanes hold zeros
	float mean = sum4(s) / float(channels);
	for (uint q = 0u; q < quads; q++) {
		vec4 d = mix(vec4(0), LOAD(part, from + q) - mean, inRow(q, channels));
		between += d * d;
		m2 += LOAD(part, from + c4 + q);
	}
	float var = (sum4(m2) / float(area) + sum4(between)) / float(channels);
	stats[id] = vec4(mean, 1.0 / sqrt(var + eps), 0, 0);
}
