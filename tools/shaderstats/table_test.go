package main

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/vk"
)

var sample = []result{
	{gpu{"amd", "navi31", "RDNA 3", "", "", true, true, false, ""}, "radv", []row{
		{Shader: "bias.plain", Fits: true, Registers: 24, Code: 1024}, {Shader: "conv.k4_plain", Registers: 256, Spills: 9, Code: 10240}, {Shader: "coop.outer_64x64", Fits: true, Registers: 90, Code: 2048},
		{Shader: "tiled.gather_64x64 whole", Fits: true, Registers: 84, Code: 6144, Loop: loop{FMA: 256, Vector: 299, Shared: 416, Cycles: 1063}, Narrow: loop{FMA: 256, Vector: 181, Pairs: 120, Cycles: 1145}}}},
	{gpu{"amd", "vega10", "GCN 5", "", "", false, false, false, ""}, "radv", []row{
		{Shader: "bias.plain", Fits: true, Registers: 28, Code: 512}, {Shader: "conv.k4_plain", Slow: true}, {Shader: "coop.outer_64x64", Lacks: true}, {Shader: "tiled.gather_64x64 whole", Fits: true, Registers: 84, Code: 6144}}},
	{gpu{"v3d", "71", "V3D 7.1", "", "", false, false, false, ""}, "v3dv", []row{{Shader: "bias.plain", Fits: true, Code: 512}}},
}

func TestKernelsThatAGPUMayGetMustNotSpill(t *testing.T) {
	if err := check(sample); err != nil {
		t.Error(err)
	}
	bad := []result{{gpu{vendor: "intel", name: "skl"}, "", []row{{Shader: "conv.a", Fits: true, Spills: 3}, {Shader: "small.b", Fits: true, Slow: true}, {Shader: "conv.c", Spills: 4}, {Shader: "bias.plain", Fits: true, Spills: 5}}}}
	err := check(bad)
	if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "intel skl: conv.a spills (3)") || !strings.Contains(err.Error(), "intel skl: small.b takes more than 1m0s") {
		t.Errorf("%v, want conv.a and small.b", err)
	}
}

func TestPageHasATableForEachVendor(t *testing.T) {
	got := page(sample)
	for _, want := range []string{"\n## amd\n\nradv\n\n| kernel | navi31 (RDNA 3) | vega10 (GCN 5) |\n", "\n| conv.k4 | (**spills 9**, 256, 10.0 K) | (**over 1m0s**) |\n", "\n| coop.outer_64x64 | 90, 2.0 K | – |\n",
		"\n| tiled.gather_64x64 whole | 84, 6.0 K | 84, 6.0 K |\n", "The other 1 shaders: at most 28, 1.0 K, no spills.", "\n| kernel | shared | navi31 | navi31, 32 lanes | vega10 |\n|---|---:|---:|---:|---:|\n",
		"\n| tiled.gather_64x64 whole | 1.6 | 256 / 299 = 86 %, 1063 | 256 / 181, 120 pairs, 1145 | – |\n", "\n## v3d\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nhas no %q", got, want)
		}
	}
}

func TestStatisticsOfEachVendorAreFound(t *testing.T) {
	var amd, intel row
	amd.fill("amd", []vk.Statistic{{Name: "VGPRs", Value: 120}, {Name: "Code size", Value: 700}, {Name: "Spilled VGPRs", Value: 2}})
	intel.fill("intel", []vk.Statistic{{Name: "Max live registers", Value: 126}, {Name: "Instruction Count", Value: 10}})
	if amd != (row{Registers: 120, Code: 700, Spills: 2}) || intel != (row{Registers: 126, Code: 160}) {
		t.Errorf("%+v, %+v", amd, intel)
	}
	rows := []row{{}, {}}
	addSpills(rows, "noise\n\nshaderstats: a\nSHADER-DB: MESA_SHADER_COMPUTE shader: 1 inst, 0:0 spills:fills\n\nshaderstats: b\nSHADER-DB: MESA_SHADER_COMPUTE shader: 9 inst, 7 loops, 7:59 spills:fills\n")
	if rows[0].Spills != 0 || rows[1].Spills != 59 {
		t.Errorf("%+v, want 0 and 59 spills", rows)
	}
}

func TestLoopOfAMDsAssemblyIsWhatIsOnTheWayRound(t *testing.T) {
	const assembly = `BB0:
	v_mov_b32_e32 v0, 0                    ; 7e
	v_fma_f32 v1, v2, v3, v4               ; a loop that is entered in its middle does not have what is in front of it
	v_fma_f32 v1, v2, v3, v4
	v_fma_f32 v1, v2, v3, v4
	s_branch BB7
BB6:
	s_sub_co_i32 s11, s11, s7
BB7:
	s_cbranch_scc0 BB6
	s_cbranch_scc0 BB5                     ; bf
BB1:
	v_fmac_f32_e32 v1, v2, v3              ; once, in front of the loop
BB2:
	buffer_load_dwordx4 v[8:11], v24, s[28:31], 0 offen
	s_cbranch_scc1 BB4
BB3:
	v_dual_fmac_f32 v1, v2, v3 :: v_dual_fmac_f32 v4, v5, v6
	ds_read_b128 v[56:59], v1
	ds_store_2addr_b64 v1, v[2:3], v[4:5] offset1:1
	v_wmma_f32_16x16x16_f16 v[32:39], v[80:83], v[76:79], v[32:39] ; cc
	v_mac_f32_e32 v1, v2, v3
	s_barrier
	s_branch BB2
BB4:
	v_mov_b32_e32 v0, 0                    ; behind the loop
BB5:
	s_endpgm
`
	if got, want := amdLoop(assembly), (loop{FMA: 3, Matrix: 1, Vector: 6, Pairs: 1, Shared: 16 + 2*8}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := amdLoop("BB0:\n\tv_fma_f32 v1, v2, v3, v4\n\ts_endpgm\n"); got != (loop{}) {
		t.Errorf("%+v without a loop", got)
	}
}

func TestLoopOfIntelsAssemblyEndsWithWhile(t *testing.T) {
	const assembly = `mad(8)          g1<1>F  g2<8,8,1>F  g3<8,8,1>F  g4<1,1,1>F { align1 1Q };
LABEL1:
LABEL3:
add(1)          g117<1>D        g85<0,1,0>D     g84<0,1,0>D     { align1 WE_all 1N };
sync nop(1)                     null<0,1,0>UB                   { align1 WE_all 1N I@7 };
send(8)         g3UD            g118UD          nullUD          0x62403500                0x03000000
                            ugm MsgDesc: ( load, a32, d32, V4 )  BTI 3
mad(16)         g1<1>F  g2<8,8,1>F  g3<8,8,1>F  g4<1,1,1>F { align1 1Q };
mad(16)         g1<1>D  g2<8,8,1>D  g3<8,8,1>D  g4<1,1,1>D { align1 1Q };
dpas.8x8(16)    g1<1>F          g2<1,1,0>F      g3<1,1,0>HF     g4<1,1,0>HF { align1 1Q $0 };
(+f0.0) sel(8)  g122<1>D        -g77<0,1,0>D    0D              { align1 1Q };
cmp.ge.f0.0(8)  g126<1>D        g18<1,1,0>D     g83<0,1,0>D     { align1 1Q compacted };
(-f0.0) while(8) JIP:  LABEL3                                   { align1 1Q };
endif(8)        JIP:  LABEL0                                    { align1 1Q };
mad(8)          g1<1>F  g2<8,8,1>F  g3<8,8,1>F  g4<1,1,1>F { align1 1Q };
`
	if got, want := intelLoop(assembly), (loop{FMA: 1, Matrix: 1, Vector: 6}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
