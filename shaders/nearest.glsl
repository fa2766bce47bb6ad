// nearestColumn returns, to all lanes of a row, the column with the greatest number in the row of sim that begins at vector `from`, the lowest of equal ones.
// Column `skip` does not count. sim, quads and width are those of the shader; the sums of rowgroup.glsl use the slots 0 and 1.
uint nearestColumn(uint from, uint skip) {
	vec4 top = vec4(LOW);
	uvec4 best = uvec4(0);
	for (uint q = LANE; q < quads; q += 4u * LANES) {
		vec4 v[4];
		[[unroll]] for (uint u = 0u; u < 4u; u++) v[u] = LOAD(sim, from + min(q + u * LANES, quads - 1u));
		[[unroll]] for (uint u = 0u; u < 4u; u++) {
			uvec4 j = uvec4(0, 1, 2, 3) + (q + u * LANES) * 4u;
			bvec4 counts = mix(lessThan(j, uvec4(width)), bvec4(false), equal(j, uvec4(skip)));
			bvec4 wins = mix(bvec4(false), greaterThan(v[u], top), counts);
			top = mix(top, v[u], wins);
			best = mix(best, j, wins);
		}
	}
	float most = rowJoin(0u, vec2(max4(top), 0), true).x;
	vec4 index = mix(vec4(LOW), -vec4(best), equal(top, vec4(most))); // of the greatest; the lowest index has the greatest negative
	return min(uint(-rowJoin(1u, vec2(max4(index), 0), true).x), width - 1u);
}
