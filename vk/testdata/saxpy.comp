#version 450
// y[i] += SCALE * a * x[i] for i < n. Bindings: 0 x (read), 1 y (read and write). Specialization constants: 0 group size, 1 SCALE.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const float SCALE = 1.0;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };
layout(push_constant) uniform Push { uint n; float a; };
void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i < n) y[i] += SCALE * a * x[i];
}
