package main

import (
	"strings"
	"testing"

	"marr/vk"
)

var sample = []result{
	{gpu{"amd", "navi31", "RDNA 3", "", "", true}, "radv", []row{
		{Shader: "bias.plain", Fits: true, Registers: 24, Code: 1024}, {Shader: "conv.k4_plain", Registers: 256, Spills: 9, Code: 10240}, {Shader: "coop.outer_64x64", Fits: true, Registers: 90, Code: 2048},
		{Shader: "tiled.gather_64x64 whole", Fits: true, Registers: 84, Code: 6144, FMA: 256, Vector: 299}}},
	{gpu{"amd", "vega10", "GCN 5", "", "", false}, "radv", []row{
		{Shader: "bias.plain", Fits: true, Registers: 28, Code: 512}, {Shader: "conv.k4_plain", Slow: true}, {Shader: "coop.outer_64x64", Lacks: true}, {Shader: "tiled.gather_64x64 whole", Fits: true, Registers: 84, Code: 6144}}},
	{gpu{"v3d", "71", "V3D 7.1", "", "", false}, "v3dv", []row{{Shader: "bias.plain", Fits: true, Code: 512}}},
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
		"\n| tiled.gather_64x64 whole | 84, 6.0 K | 84, 6.0 K |\n", "The other 1 shaders: at most 28, 1.0 K, no spills.", "| tiled.gather_64x64 whole | 256 / 299 = 86 % |", "\n## v3d\n"} {
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

func TestLongestLoopCountsVectorInstructionsOnTheWayRound(t *testing.T) {
	const assembly = `BB0:
	v_mov_b32_e32 v0, 0                    ; 7e
	s_cbranch_scc0 BB5                     ; bf
BB1:
	v_fmac_f32_e32 v1, v2, v3              ; once, in front of the loop
BB2:
	buffer_load_dwordx4 v[8:11], v24, s[28:31], 0 offen
	s_cbranch_scc1 BB4
BB3:
	v_dual_fmac_f32 v1, v2, v3 :: v_dual_fmac_f32 v4, v5, v6
	ds_read_b128 v[56:59], v1
	v_mac_f32_e32 v1, v2, v3
	s_barrier
	s_branch BB2
BB4:
	v_mov_b32_e32 v0, 0                    ; behind the loop
BB5:
	s_endpgm
`
	if fma, all := longestLoop(assembly); fma != 3 || all != 4 {
		t.Errorf("%d of %d, want 3 of 4", fma, all)
	}
	if fma, all := longestLoop("BB0:\n\tv_fma_f32 v1, v2, v3, v4\n\ts_endpgm\n"); fma != 0 || all != 0 {
		t.Errorf("%d of %d without a loop, want 0 of 0", fma, all)
	}
}
