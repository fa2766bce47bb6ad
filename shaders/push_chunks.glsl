// The push constants of bn_stats.comp and colsum.comp: rows of c4 vectors in the slice, rows in a chunk, the slice's first chunk.
layout(push_constant) uniform Push { uint rows, chunk, chunk0, c4; };
