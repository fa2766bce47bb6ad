#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of group norm: dx (+)= invstd·(γ·dy' − A − x̂·B) and, if there is a residual, dres (+)= dy', with dy' = dy·[y > 0] under a ReLU,
// x̂ = (x − mean)·invstd and the means A and B of gn_back_merge.comp.
// Bindings: 0 dy   1 x   2 y   3 stats   4 means, read: vec4[images][groups]   5 gamma, read: [c4]   6 dx   7 dres (any writable range if there is
//           none); dy, x, y, dx, dres: [rows][c4] bound at the slice, which begins at row first.  Grid as gn_apply.comp.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
#include "rows.glsl"
layout(push_constant) uniform Push { uint rows, first, c4, quads, width, area, relu, residual, addX, addRes; };
READS(0, dy)
READS(1, x)
READS(2, y)
READS(3, stats)
READS(4, means)
READS(5, gamma)
WRITES(6, dx)
WRITES(7, dres)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, c = id % c4, row = id / c4 * 8u, groups = c4 / quads;
	vec4 scale = LOAD(gamma, c);
	bvec4 real = inRow(c, width);
	[[unroll]] for (uint k = 0u; k < 8u; k++) {
		uint r = min(row + k, rows - 1u), i = r * c4 + c, g = (first + r) / area * groups + c / quads;
		vec4 d = LOAD(dy, i), s = LOAD(stats, g), m = LOAD(means, g);
		if (relu != 0u) d = mix(vec4(0), d, greaterThan(LOAD(y, i), vec4(0)));
		vec4 v = mix(vec4(0), s.y * (scale * d - m.x - (LOAD(x, i) - s.x) * s.y * m.y), real);
		if (row + k < rows) {
			WRITE(dx, i, addX, v);
			if (residual != 0u) WRITE(dres, i, addRes, d);
		}
	}
}
