#version 450
#extension GL_GOOGLE_include_directive : require
// Views, pass 2: jitter from contrast on, gray; then the last steps (views_end.glsl) if no view is blurred (BLUR is 0).
// Bindings: 0 crop, read: vec4 [n][SIZE SIZE]   1 sums, read: float [n][64], both from views_crop   2 table, read: vec4 [row][quads]
//           3 result, write: like crop, lanes behind the channels zero.  All but the table are bound at the slice: n from 0.
// Grid: x ⌈SIZE·SIZE / 1024⌉, y rows. A lane makes 16 pixels, 64 apart, so that the sums are added once for 16 pixels.
// The loop is tested at its foot, as in views_crop; no value is used after the loop.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 64) in;
#include "push_paint.glsl"
READS(0, crop)
READS(1, sums)
READS(2, table)
WRITES(3, result)
#include "views.glsl"
#include "views_color.glsl"
#include "views_end.glsl"

void main() {
	uint n = gl_WorkGroupID.y, p = gl_WorkGroupID.x * 1024u + gl_LocalInvocationID.x, stop = min(p + 1024u, AREA), row = ROW(n);
	if (n >= rows || p >= AREA) return;
	vec4 how = LOAD(table, row + 2u), color = LOAD(table, row + 3u), sum = vec4(0);
	for (uint q = 0u; q < 16u; q++) sum += LOAD(sums, n * 16u + q);
	Steps steps = stepsOf(uint(how.z), true, how.w, color.y, color.z);
	vec4 contrast = hasContrast(uint(how.z)) ? vec4(color.x, 0, (1.0 - color.x) * dot(sum, vec4(1)) / float(AREA), 0) : NONE;
	End end = endOf(n);
	do {
		vec3 v = colored(blend(LOAD(crop, n * AREA + p).xyz, contrast), steps);
		if (color.w != 0.0) v = vec3(luma(v));
		result[n * AREA + p] = BLUR == 0u ? ended(end, v, p / SIZE, p % SIZE) : vec4(v, 0);
	} while ((p += 64u) < stop);
}
