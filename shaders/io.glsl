// Declarations for reading and writing vectors of four numbers: floats, or in the bindings that HALVES names halves, in eight bytes. Kernels compute with
// floats. Vectors are read from storage buffers, or with -DTEXEL from uniform texel buffers, whose views convert halves. Texel buffers
// are for CPU devices: Mesa's llvmpipe reads a storage buffer inside a loop lane by lane with a bounds check each, a texel buffer
// eight lanes at a time (measured on Mesa 22.3.6: 2 to 3.5 times the convolution rate).
// A shader that uses the array NAME of WRITES itself, instead of STORE and WRITE, has floats there.
#extension GL_EXT_control_flow_attributes : require
layout(constant_id = 0) const uint HALVES = 0u; // bit b: binding b has halves
#define HALF(B) ((HALVES >> (B) & 1u) != 0u)
vec4 unpackHalves(uvec2 v) { return vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y)); }
uvec2 packHalves(vec4 v) { return uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw)); }
#define BOTH(B, ACCESS, NAME) layout(binding = B) ACCESS buffer NAME##Floats { vec4 NAME[]; }; layout(binding = B) ACCESS buffer NAME##Packed { uvec2 NAME##Halves[]; }; \
	vec4 NAME##At(uint where) { if (HALF(B)) return unpackHalves(NAME##Halves[where]); return NAME[where]; }
#ifdef TEXEL
#define READS(B, NAME) layout(binding = B) uniform samplerBuffer NAME;
#define LOAD(NAME, I) texelFetch(NAME, int(I))
#else
#define READS(B, NAME) BOTH(B, readonly, NAME)
#define LOAD(NAME, I) NAME##At(uint(I))
#endif
#define WRITES(B, NAME) BOTH(B, , NAME) void NAME##Put(uint where, vec4 what) { if (HALF(B)) NAME##Halves[where] = packHalves(what); else NAME[where] = what; }
#define STORE(NAME, I, V) NAME##Put(uint(I), V)
#define WRITE(NAME, I, ADD, V) STORE(NAME, I, (ADD) != 0u ? NAME##At(uint(I)) + (V) : (V))
// Groups beyond 65535 continue along z.
#define GROUP (gl_WorkGroupID.z * 65535u + gl_WorkGroupID.x)
