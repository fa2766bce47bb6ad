#include "textflag.h"

// func largestF16C(x *[1024]float32) uint32
TEXT ·largestF16C(SB), NOSPLIT, $0-12
	MOVQ     x+0(FP), SI
	MOVQ     $32, CX
	VPCMPEQD Y8, Y8, Y8
	VPSRLD   $1, Y8, Y8 // all bits but the sign
	VPXOR    Y0, Y0, Y0
	VPXOR    Y1, Y1, Y1
	VPXOR    Y2, Y2, Y2
	VPXOR    Y3, Y3, Y3
loop:
	VPAND    0(SI), Y8, Y4
	VPAND    32(SI), Y8, Y5
	VPAND    64(SI), Y8, Y6
	VPAND    96(SI), Y8, Y7
	VPMAXUD  Y4, Y0, Y0
	VPMAXUD  Y5, Y1, Y1
	VPMAXUD  Y6, Y2, Y2
	VPMAXUD  Y7, Y3, Y3
	ADDQ     $128, SI
	DECQ     CX
	JNZ      loop
	VPMAXUD  Y1, Y0, Y0
	VPMAXUD  Y3, Y2, Y2
	VPMAXUD  Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMAXUD  X1, X0, X0
	VPSHUFD  $0x4e, X0, X1
	VPMAXUD  X1, X0, X0
	VPSHUFD  $0xb1, X0, X1
	VPMAXUD  X1, X0, X0
	VMOVD    X0, AX
	MOVL     AX, ret+8(FP)
	VZEROUPPER
	RET

// func encodeF16C(to *[1024]uint16, x *[1024]float32, factor float32)
TEXT ·encodeF16C(SB), NOSPLIT, $0-20
	MOVQ         to+0(FP), DI
	MOVQ         x+8(FP), SI
	VBROADCASTSS factor+16(FP), Y0
	MOVQ         $32, CX
loop:
	VMULPS    0(SI), Y0, Y1
	VMULPS    32(SI), Y0, Y2
	VMULPS    64(SI), Y0, Y3
	VMULPS    96(SI), Y0, Y4
	VCVTPS2PH $0, Y1, 0(DI) // to nearest, ties to even
	VCVTPS2PH $0, Y2, 16(DI)
	VCVTPS2PH $0, Y3, 32(DI)
	VCVTPS2PH $0, Y4, 48(DI)
	ADDQ      $128, SI
	ADDQ      $64, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func decodeF16C(to *[1024]float32, x *[1024]uint16, factor float32)
TEXT ·decodeF16C(SB), NOSPLIT, $0-20
	MOVQ         to+0(FP), DI
	MOVQ         x+8(FP), SI
	VBROADCASTSS factor+16(FP), Y0
	MOVQ         $32, CX
loop:
	VCVTPH2PS 0(SI), Y1
	VCVTPH2PS 16(SI), Y2
	VCVTPH2PS 32(SI), Y3
	VCVTPH2PS 48(SI), Y4
	VMULPS    Y1, Y0, Y1
	VMULPS    Y2, Y0, Y2
	VMULPS    Y3, Y0, Y3
	VMULPS    Y4, Y0, Y4
	VMOVUPS   Y1, 0(DI)
	VMOVUPS   Y2, 32(DI)
	VMOVUPS   Y3, 64(DI)
	VMOVUPS   Y4, 96(DI)
	ADDQ      $64, SI
	ADDQ      $128, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func addF16C(sum *[1024]float32, x *[1024]uint16, factor float32)
TEXT ·addF16C(SB), NOSPLIT, $0-20
	MOVQ         sum+0(FP), DI
	MOVQ         x+8(FP), SI
	VBROADCASTSS factor+16(FP), Y0
	MOVQ         $32, CX
loop:
	VCVTPH2PS 0(SI), Y1
	VCVTPH2PS 16(SI), Y2
	VCVTPH2PS 32(SI), Y3
	VCVTPH2PS 48(SI), Y4
	VMULPS    Y1, Y0, Y1
	VMULPS    Y2, Y0, Y2
	VMULPS    Y3, Y0, Y3
	VMULPS    Y4, Y0, Y4
	VADDPS    0(DI), Y1, Y1
	VADDPS    32(DI), Y2, Y2
	VADDPS    64(DI), Y3, Y3
	VADDPS    96(DI), Y4, Y4
	VMOVUPS   Y1, 0(DI)
	VMOVUPS   Y2, 32(DI)
	VMOVUPS   Y3, 64(DI)
	VMOVUPS   Y4, 96(DI)
	ADDQ      $64, SI
	ADDQ      $128, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET
