// Declarations for reading vectors: from storage buffers, or with -DTEXEL from uniform texel buffers of rgba32f. Texel buffers
// are for CPU devices: Mesa's llvmpipe reads a storage buffer inside a loop lane by lane with a bounds check each, a texel buffer
// eight lanes at a time (measured on Mesa 22.3.6: 2 to 3.5 times the convolution rate).
#extension GL_EXT_control_flow_attributes : require
#ifdef TEXEL
#define READS(B, NAME) layout(binding = B) uniform samplerBuffer NAME;
#define LOAD(NAME, I) texelFetch(NAME, int(I))
#else
#define READS(B, NAME) layout(binding = B) readonly buffer NAME##Buffer { vec4 NAME[]; };
#define LOAD(NAME, I) NAME[I]
#endif
#define WRITES(B, NAME) layout(binding = B) buffer NAME##Buffer { vec4 NAME[]; };
#define WRITE(NAME, I, ADD, V) NAME[I] = (ADD) != 0u ? NAME[I] + (V) : (V)
// Groups beyond 65535 continue along z.
#define GROUP (gl_WorkGroupID.z * 65535u + gl_WorkGroupID.x)
