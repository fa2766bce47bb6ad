// What kernels with one lane a row share. A row has `width` numbers in `quads` vectors; pad lanes are masked.
#define LOW (-3e38)
bvec4 inRow(uint quad, uint width) { return lessThan(uvec4(0, 1, 2, 3) + quad * 4u, uvec4(width)); }
float sum4(vec4 v) { return v.x + v.y + v.z + v.w; }
float max4(vec4 v) { return max(max(v.x, v.y), max(v.z, v.w)); }
