// Declarations for kernels over rows. A row has `width` numbers in `quads` vectors; pad lanes are masked.
#define LOW (-3e38)
bvec4 inRow(uint quad, uint width) { return lessThan(uvec4(0, 1, 2, 3) + quad * 4u, uvec4(width)); }
float sum4(vec4 v) { return v.x + v.y + v.z + v.w; }
float max4(vec4 v) { return max(max(v.x, v.y), max(v.z, v.w)); }

// logSumExp updates a running (top, Σ exp(v − top)) with sixteen numbers, where top is the maximum so far. Masked numbers are LOW: a sum of only masked
// numbers has no meaning, and the first other number multiplies it by zero.
void logSumExp(vec4 v[4], inout float top, inout float total) {
	vec4 most = max(max(v[0], v[1]), max(v[2], v[3]));
	float now = max(top, max4(most));
	total = total * exp(top - now) + sum4(exp(v[0] - now) + exp(v[1] - now) + exp(v[2] - now) + exp(v[3] - now));
	top = now;
}
