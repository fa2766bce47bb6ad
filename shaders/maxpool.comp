#version 450
#extension GL_GOOGLE_include_directive : require
// Max-pool of k×k windows: y[n p q c] = max over taps (r s) inside the image of x[n, p·stride − pad + r, q·stride − pad + s, c], and the tap
// that holds it, r·k + s, as a float: among equal ones the first in that order, as in PyTorch's CPU code. Every window has a tap: 2·pad ≤ k.
// Bindings: 0 x, read: [n][inH inW][c4]   1 y, write: [n][outH outW][c4]   2 tap, write: as y; all at the slice.
// Grid: x, z ⌈n · outH · outW · c4 / 32⌉. One lane makes one vector; neighbors are the next channels.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint n; int inH, inW, outH, outW, c4, k, stride, pad; };
READS(0, x)
WRITES(1, y)
WRITES(2, tap)

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x;
	if (id >= n * uint(outH * outW * c4)) return;
	int at = int(id / uint(c4)), c = int(id) - at * c4;
	int row = at / outW, image = row / outH;
	int h0 = (row - image * outH) * stride - pad, w0 = (at - row * outW) * stride - pad;
	int r0 = max(0, -h0), r1 = min(k, inH - h0), s0 = max(0, -w0), s1 = min(k, inW - w0);
	int base = ((image * inH + h0) * inW + w0) * c4 + c;
	vec4 best = LOAD(x, base + (r0 * inW + s0) * c4), won = vec4(r0 * k + s0);
	for (int r = r0; r < r1; r++) for (int s = s0; s < s1; s++) {
		vec4 v = LOAD(x, base + (r * inW + s) * c4);
		bvec4 larger = greaterThan(v, best);
		best = mix(best, v, larger);
		won = mix(won, vec4(r * k + s), larger);
	}
	STORE(y, id, best);
	STORE(tap, id, won);
}
