// The last steps of a view: solarize, normalize, erase a box, mask patches. Requires views.glsl, READS(…, table) and the push
// constants row0, quads, mean and scale = 1 / standard deviation.
struct End {
	float solarize; // v ≥ solarize becomes 1 − v
	uvec4 erase;    // top, left, height, width
	uint extras;    // vector of the table where the mask begins: 24 patches a float, bit i of float j for patch 24j + i
};

End endOf(uint n) {
	vec4 d = LOAD(table, ROW(n) + 4u), e = LOAD(table, ROW(n) + 5u);
	return End(d.y, uvec4(d.zw, e.xy), ROW(n) + 6u);
}

// ended returns pixel (y, x) of the finished view; lanes behind the channels are zero.
vec4 ended(End e, vec3 v, uint y, uint x) {
	v = mix(v, 1.0 - v, greaterThanEqual(v, vec3(e.solarize)));
	v = (v - mean.xyz) * scale.xyz;
	bool black = y - e.erase.x < e.erase.z && x - e.erase.y < e.erase.w; // unsigned: wraps around above the box
	if (PATCH != 0u) {
		uint patchy = y / PATCH * (SIZE / PATCH) + x / PATCH, word = patchy / 24u;
		black = black || (uint(LOAD(table, e.extras + word / 4u)[word % 4u]) >> (patchy % 24u) & 1u) != 0u;
	}
	return black ? vec4(0) : CHANNELS == 1u ? vec4(v.x, 0, 0, 0) : vec4(v, 0);
}
