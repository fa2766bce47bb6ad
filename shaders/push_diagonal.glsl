layout(push_constant) uniform Push { uint rows, row0, quads; float on, off, target, eps; uint hinge, add; };
// onDiagonal reports which numbers of a vector of a row lie on the matrix' diagonal.
bvec4 onDiagonal(uint row, uint quad) { return equal(uvec4(0, 1, 2, 3) + quad * 4u, uvec4(row)); }
