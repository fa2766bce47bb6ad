// Declarations of the attention kernels. qkv is [images][tokens][q k v][heads][WIDTH], y and dy are [images][tokens][heads][WIDTH], in vectors;
// rows is vec4[images][heads][tokens]: of each query (top, 1/Σ exp(score − top), Δ, 0) with top its largest score and Δ = Σ dy⊙y, which backward fills in.
// The logarithm of the sum would be rounded when top is added to it, and top may be large. A group makes one tile of ROWS tokens of one head of one
// image.  Grid: x, z images · heads · ⌈tokens / ROWS⌉.
layout(constant_id = 1) const int WIDTH = 16; // vectors of a head
layout(push_constant) uniform Push {
	int images, tokens, heads;
	float scale; // 1/√(numbers of a head)
	uint add;    // the gradient is added to dqkv
};

// Tile is the first token of a group's tile, the first row of its head in rows, and its first vectors in qkv and y; from one token to the next there are
// pitch vectors in qkv and features in y, and features between q, k and v.
struct Tile { int first, row, qkv, y, pitch, features; };

// tileOf returns false for surplus groups of the grid.
bool tileOf(int group, out Tile t) {
	int tiles = (tokens + ROWS - 1) / ROWS, matrix = group / tiles, n = matrix / heads, h = matrix - n * heads, features = heads * WIDTH;
	t = Tile((group - matrix * tiles) * ROWS, matrix * tokens, n * tokens * 3 * features + h * WIDTH, n * tokens * features + h * WIDTH, 3 * features, features);
	return n < images;
}
