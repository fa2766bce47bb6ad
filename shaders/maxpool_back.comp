#version 450
#extension GL_GOOGLE_include_directive : require
// Backward of max-pool as gather: dx[n h w c] (+)= Σ dy[n p q c] over the windows (p q), in order, whose winning tap lies at (h w); see maxpool.comp.
// Bindings: 0 dy, read: [n][outH outW][c4]   1 tap, read: as dy   2 dx, write or add: [n][inH inW][c4]; all at the slice.
// Grid: x, z ⌈n · inH · inW · c4 / 32⌉. One lane makes one vector; neighbors are the next channels.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n; int inH, inW, outH, outW, c4, k, stride, pad; uint add; };
READS(0, dy)
READS(1, tap)
WRITES(2, dx)

// first returns the lowest window that covers the padded position h. The highest is h / stride.
int first(int h) { return h < k ? 0 : (h - k) / stride + 1; }

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= n * uint(inH * inW * c4)) return;
	int at = int(id / uint(c4)), c = int(id) - at * c4;
	int row = at / inW, image = row / inH;
	int h = row - image * inH + pad, w = at - row * inW + pad;
	int p1 = min(h / stride, outH - 1), q1 = min(w / stride, outW - 1);
	vec4 v = vec4(0);
	for (int p = first(h); p <= p1; p++) for (int q = first(w); q <= q1; q++) {
		int i = ((image * outH + p) * outW + q) * c4 + c;
		float here = float((h - p * stride) * k + w - q * stride);
		v += mix(vec4(0), LOAD(dy, i), equal(LOAD(tap, i), vec4(here)));
	}
	WRITE(dx, id, add, v);
}
