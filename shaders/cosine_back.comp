#version 450
#extension GL_GOOGLE_include_directive : require
// dx (+)= −scale · dloss · (y/|y| − cos · x/|x|) / |x|; if |x| = ε, the cosine term is 0. cosine.comp kept cos and the
// norms; the norm of x is the third number if second is set, else the second.
// Bindings: 0 x   1 y, read: [rows][quads]   2 kept, read: vec4[rows], at the slice   3 dloss, read: lane 0   4 dx, write or add.
// Grid: x, z ⌈rows · quads / 32⌉, one lane per vector.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, quads; float eps, scale; uint second, add; };
READS(0, x)
READS(1, y)
READS(2, kept)
READS(3, dloss)
WRITES(4, dx)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x;
	if (i >= rows * quads) return;
	vec4 k = LOAD(kept, i / quads);
	float nx = second != 0u ? k.z : k.y, ny = second != 0u ? k.y : k.z, cosine = nx > eps ? k.x : 0.0;
	vec4 v = -scale * LOAD(dloss, 0).x * (LOAD(y, i) / ny - cosine * (LOAD(x, i) / nx)) / nx;
	WRITE(dx, i, add, v);
}
