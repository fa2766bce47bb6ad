#version 450
// dst[i] = a[i] + scale * b[n-1-i] for four floats at a time and every i below n, the number of texels in the bound range of b.
// Bindings: 0 a (texel buffer), 1 dst (storage buffer, write), 2 b (texel buffer): one type between two of the other.
// Specialization constant 0: group size. A thread past the end of any of the ranges does nothing, so the test sees the lengths.
layout(local_size_x_id = 0) in;
layout(set = 0, binding = 0) uniform samplerBuffer a;
layout(set = 0, binding = 1) writeonly buffer Dst { vec4 dst[]; };
layout(set = 0, binding = 2) uniform samplerBuffer b;
layout(push_constant) uniform Push { float scale; };
void main() {
	int i = int(gl_GlobalInvocationID.x), n = textureSize(b);
	if (i < n && i < textureSize(a) && i < dst.length()) dst[i] = texelFetch(a, i) + scale * texelFetch(b, n - 1 - i);
}
