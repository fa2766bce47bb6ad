#version 450
#extension GL_GOOGLE_include_directive : require
// Moves tokens of [rows] samples. A sample of x has `tokens` tokens, of y `count`, in scatter the other way around. Token k takes token t = k + shift,
// or t = index[sample·count + k]; a t outside 0 … tokens−1 is no token.
//   shift, index   y[n k] (+)= x[n t], or y[n k] = fill if t is no token; with add, it then leaves y unchanged
//   scatter        y[n t] (+)= x[n k], if t is a token. No index of a sample appears twice.
// Bindings: 0 x, read   1 fill, read: [quads]   2 y, write or add   3 index, read: int[][count]   scatter: 0 x   1 y   2 index
//           x, y at the slice, whose first sample is row0.  Grid: x, z ⌈rows · count · quads / 32⌉. One lane moves one vector.
//! variant shift_plain -DSHIFT
//! variant shift_texel -DSHIFT -DTEXEL
//! variant index_plain
//! variant index_texel -DTEXEL
//! variant scatter_plain -DSCATTER
//! variant scatter_texel -DSCATTER -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, row0, count, tokens, quads, add; int shift; };
READS(0, x)
#ifdef SCATTER
WRITES(1, y)
layout(binding = 2) readonly buffer Index { int index[]; };
#else
READS(1, fill)
WRITES(2, y)
#ifndef SHIFT
layout(binding = 3) readonly buffer Index { int index[]; };
#endif
#endif

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= rows * count * quads) return;
	uint q = id % quads, k = id / quads, n = k / count;
#ifdef SHIFT
	int t = int(k - n * count) + shift;
#else
	int t = index[row0 * count + k];
#endif
	bool real = uint(t) < tokens;
	uint at = (n * tokens + (real ? uint(t) : 0u)) * quads + q;
#ifdef SCATTER
	if (real) WRITE(y, at, add, LOAD(x, id));
#else
	vec4 v = LOAD(x, at);
	if (!real) v = LOAD(fill, q);
	if (real || add == 0u) WRITE(y, id, add, v);
#endif
}
