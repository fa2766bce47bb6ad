#version 450
#extension GL_GOOGLE_include_directive : require
// The heads of attention as matrices of their own:
//   split  matrices[n h t d] = packed[n t first + h·width + d]      merge  packed[n t first + h·width + d] (+)= matrices[n h t d]
// Bindings: 0 from, read   1 to, write or add; packed [images][tokens][pitch], matrices [images][heads][tokens][width], in vectors, both bound at the slice
// Grid: x, z ⌈images · tokens · heads · width / 32⌉. One lane copies one vector; neighbors are neighbors in packed.
//! variant split_plain
//! variant split_texel -DTEXEL
//! variant merge_plain -DMERGE
//! variant merge_texel -DMERGE -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint images, tokens, heads, width, pitch, first, add; };
READS(0, from)
WRITES(1, to)

void main() {
	uint i = GROUP * 32u + gl_LocalInvocationID.x, d = i % width, h = i / width % heads, row = i / width / heads, n = row / tokens, t = row - n * tokens;
	if (n >= images) return;
	uint packed = row * pitch + first + h * width + d, matrix = ((n * heads + h) * tokens + t) * width + d;
#ifdef MERGE
	WRITE(to, packed, add, LOAD(from, matrix));
#else
	WRITE(to, matrix, add, LOAD(from, packed));
#endif
}
