#version 450
// dst[i] = MUL * src[i] + add for every element of the bound range of dst (mod 2^32). Bindings: 0 src (read), 1 dst (write).
// Specialization constants: 0 group size, 1 MUL. The lengths are those of the bound ranges, so the test sees them.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint MUL = 1;
layout(set = 0, binding = 0) readonly buffer Src { uint src[]; };
layout(set = 0, binding = 1) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push { uint add; };
void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i < uint(dst.length()) && i < uint(src.length())) dst[i] = MUL * src[i] + add;
}
