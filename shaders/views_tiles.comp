#version 450
#extension GL_GOOGLE_include_directive : require
// Jigsaw: tile t of a view is the window of side × side pixels whose corner is in the table's extras: top · 4096 + left.
// Bindings: 0 view, read: vec4 [n][SIZE SIZE]   1 table, read: vec4 [row][quads], extras behind vector 6   2 tiles, write: vec4 [n][count][side side]
//           All but the table are bound at the slice: n from 0.
// Grid: x, z ⌈rows · count · side · side / 32⌉. One lane copies one pixel.
//! variant plain
//! variant texel -DTEXEL
#include "io.glsl"
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint rows, quads, row0, count, side; };
READS(0, view)
READS(1, table)
WRITES(2, tiles)
#include "views.glsl"

void main() {
	uint id = GROUP * 32u + gl_LocalInvocationID.x, p = id % (side * side), tile = id / (side * side), n = tile / count, t = tile % count;
	if (n >= rows) return;
	uint corner = uint(LOAD(table, ROW(n) + 6u + t / 4u)[t % 4u]);
	tiles[id] = LOAD(view, n * AREA + (corner / 4096u + p / side) * SIZE + corner % 4096u + p % side);
}
