// TARGET is the target of row R of a slice. COUNTS tells which columns of vector QUAD count in a row with target T. Of the probabilities that are to be
// predicted, the target has HOT + REST, every other column REST.
#ifdef INFO
bvec4 countsFor(uint quad, int t) {
	uvec4 j = uvec4(0, 1, 2, 3) + quad * 4u;
	return mix(greaterThanEqual(j, uvec4(masked)), bvec4(true), equal(j, uvec4(t)));
}
#define TARGET(R) int(row0 + (R))
#define COUNTS(QUAD, T) mix(bvec4(false), countsFor(QUAD, T), inRow(QUAD, width))
#define HOT 1.0
#define REST 0.0
#else
#define TARGET(R) targets[row0 + (R)]
#define COUNTS(QUAD, T) inRow(QUAD, width)
#define HOT hot
#define REST rest
#endif
