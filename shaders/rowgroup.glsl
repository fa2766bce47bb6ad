// Declarations for kernels whose lanes share rows: LANES neighboring lanes of a work group of 128 have a row, LANE is the index among them, ROW the row.
// The functions contain barriers: all lanes must call them, also those of rows behind the last one.
layout(local_size_x = 128) in;
layout(constant_id = 1) const uint LANES = 8u; // a power of two up to 128
#define LANE (gl_LocalInvocationID.x % LANES)
#define ROW (GROUP * (128u / LANES) + gl_LocalInvocationID.x / LANES)
shared vec2 shares[288]; // two slots of one share for each lane, and one for each eight lanes

vec2 joined(vec2 a, vec2 b, bool most) { return vec2(most ? max(a.x, b.x) : a.x + b.x, a.y + b.y); }

// rowJoin returns the sums of v.x (with most, the maximum) and of v.y over the lanes of the row, in a fixed order, to all of them. Calls in a shader
// alternate between the slots 0 and 1, so that none needs a barrier before its writes.
vec2 rowJoin(uint slot, vec2 v, bool most) {
	if (LANES == 1u) return v;
	uint first = slot * 144u + gl_LocalInvocationID.x - LANE, count = LANES;
	shares[first + LANE] = v;
	barrier();
	if (LANES > 16u) {
		uint next = slot * 144u + 128u + gl_LocalInvocationID.x / LANES * (LANES / 8u);
		count = LANES / 8u;
		if (LANE < count) {
			for (uint k = 1u; k < 8u; k++) v = joined(v, shares[first + LANE + k * count], most);
			shares[next + LANE] = v;
		}
		barrier();
		first = next;
	}
	v = shares[first];
	for (uint l = 1u; l < count; l++) v = joined(v, shares[first + l], most);
	return v;
}

vec2 rowSum(uint slot, vec2 v) { return rowJoin(slot, v, false); }

// rowLogSumExp merges (top, Σ exp(v − top)) of the lanes of a row, where top is a lane's maximum, and adds up hit and mass. All lanes get the results.
void rowLogSumExp(inout float top, inout float total, inout float hit, inout float mass) {
	vec2 most = rowJoin(0u, vec2(top, hit), true);
	vec2 sums = rowSum(1u, vec2(total * exp(top - most.x), mass));
	top = most.x;
	hit = most.y;
	total = sums.x;
	mass = sums.y;
}

void rowLogSumExp(inout float top, inout float total, inout float hit) {
	float mass = 0.0;
	rowLogSumExp(top, total, hit, mass);
}

void rowLogSumExp(inout float top, inout float total) {
	float hit = 0.0;
	rowLogSumExp(top, total, hit);
}
