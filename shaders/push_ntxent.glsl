// The push constants of ntxent.comp and ntxent_back.comp.
layout(push_constant) uniform Push { uint n, row0, rows, quads; float scale; uint decoupled; };
