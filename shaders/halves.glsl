// Operands of products in halves: what coop.comp and packed.comp read is rounded to halves, or consists of halves already.
#include "io.glsl"
#undef READS
#undef LOAD
#define READS(B, NAME) BOTH(B, readonly, NAME) uvec2 NAME##Operand(uint where) { if (HALF(B)) return NAME##Halves[where]; return packHalves(NAME[where]); }
#define LOAD(NAME, I) NAME##Operand(uint(I))
#define OPERAND uvec2
#define TO_FLOATS(V) unpackHalves(V)
#define TO_OPERAND(V) packHalves(V)
