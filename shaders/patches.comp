#version 450
#extension GL_GOOGLE_include_directive : require
// Patches of images: y[r] = the pixels of patch index[row0 + r] of image r / count, row by row, with the channels of a pixel next to each other.
// If normalized, it is (v − mean) / √(σ² + eps), with mean and σ² = Σ (v − mean)² / (width − 1) of the patch.
// Bindings: 0 x, read: [images][area][c4]   1 index, read: int[][count]   2 y, write: [images][count][quads], zeros in pad lanes
//           x and y at the slice, whose first patch is row0.
// Grid: x, z ⌈rows · LANES / 128⌉. A lane makes every LANES-th vector of a patch (rowgroup.glsl).
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
#include "rows.glsl"
#include "rowgroup.glsl"
layout(push_constant) uniform Push { uint rows, row0, count, patches, columns, side, line, area, channels, c4, quads, width, normalized; float eps; };
READS(0, x)
layout(binding = 1) readonly buffer Index { int index[]; };
WRITES(2, y)

// numbers returns a vector of the patch that begins at a pixel; pad lanes are 0.
vec4 numbers(uint first, uint quad) {
	vec4 v = vec4(0);
	for (uint lane = 0u; lane < 4u; lane++) {
		uint i = quad * 4u + lane, pixel = i / channels, c = i % channels;
		if (i < width) v[lane] = LOAD(x, (first + pixel / side * line + pixel % side) * c4 + c / 4u)[c % 4u];
	}
	return v;
}

void main() {
	uint r = min(ROW, rows - 1u), number = min(uint(index[row0 + r]), patches - 1u);
	uint first = r / count * area + number / columns * side * line + number % columns * side;
	float mean = 0.0, scale = 1.0;
	if (normalized != 0u) {
		float total = 0.0, squares = 0.0;
		for (uint q = LANE; q < quads; q += LANES) total += sum4(numbers(first, q));
		mean = rowSum(0u, vec2(total, 0)).x / float(width);
		for (uint q = LANE; q < quads; q += LANES) {
			vec4 d = mix(vec4(0), numbers(first, q) - mean, inRow(q, width));
			squares += dot(d, d);
		}
		scale = 1.0 / sqrt(rowSum(1u, vec2(squares, 0)).x / float(width - 1u) + eps);
	}
	if (ROW >= rows) return;
	for (uint q = LANE; q < quads; q += LANES) STORE(y, r * quads + q, mix(vec4(0), (numbers(first, q) - mean) * scale, inRow(q, width)));
}
