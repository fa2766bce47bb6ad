package main

import (
	"maps"
	"strings"
	"testing"

	"marr/vk"
)

var sample = []Family{
	{"navi31", "radv", []Row{{Shader: "calm", VGPRs: 24, SGPRs: 128, LDS: 512, Code: 100, Subgroups: 16}, {Shader: "wide", VGPRs: 256, SpilledVGPRs: 3, Scratch: 64, Subgroups: 4}}},
	{"vega10", "radv", []Row{{Shader: "calm", SpilledSGPRs: 1}, {Shader: "wide", VGPRs: 256}}},
}

func TestSpillingShaderNeedsAReason(t *testing.T) {
	for _, c := range []struct {
		name    string
		allowed map[string]string
		says    []string
	}{
		{"none is allowed", nil, []string{"navi31: wide spills 3 VGPRs and 0 SGPRs and uses 64 bytes of scratch", "vega10: calm spills 0 VGPRs and 1 SGPRs"}},
		{"one is allowed", map[string]string{"wide": "why"}, []string{"vega10: calm spills"}},
		{"both are allowed", map[string]string{"wide": "why", "calm": "why"}, nil},
		{"one too many", map[string]string{"wide": "why", "calm": "why", "gone": "why"}, []string{"gone spills nowhere"}},
	} {
		err := checkSpills(sample, c.allowed)
		if err == nil && c.says == nil {
			continue
		}
		if err == nil || strings.Count(err.Error(), "\n")+1 != len(c.says) {
			t.Errorf("%s: %v, want %d errors", c.name, err, len(c.says))
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v, want %q", c.name, err, s)
			}
		}
	}
	if err := checkSpills([]Family{{Shaders: []Row{{Shader: "scratchy", Scratch: 4}}}}, nil); err == nil {
		t.Error("a shader that only uses scratch memory passes")
	}
}

func TestAllowListHasShaderAndReason(t *testing.T) {
	got, err := parseAllowed("# a comment\n\n conv.k4_texel: 64 sums a lane: faster so \nwide:why\n")
	if want := map[string]string{"conv.k4_texel": "64 sums a lane: faster so", "wide": "why"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for text, says := range map[string]string{"wide": "line 1", "\nwide: ": "line 2", ": why": "line 1", "wide: a\nwide: b": "twice"} {
		if _, err := parseAllowed(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	if _, err := parseAllowed(allowText); err != nil {
		t.Error(err)
	}
}

func TestTableHasARowForEachShaderAndFamily(t *testing.T) {
	got := table(sample, map[string]string{"wide": "why"})
	for _, want := range []string{"\n## navi31\n\nradv\n\n| shader |", "\n| calm | 24 | 128 | 0 | 0 | 512 | 0 | 100 | 16 |\n| wide | 256 | 0 | 3 | 0 | 0 | 64 | 0 | 4 |\n",
		"\n## vega10\n", "\n| calm | 0 | 0 | 0 | 1 | 0 | 0 | 0 | 0 |\n", "\n- wide: why\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nhas no %q", got, want)
		}
	}
}

func TestRowNeedsEveryStatistic(t *testing.T) {
	statistics := []vk.Statistic{{Name: "VGPRs", Value: 1}, {Name: "SGPRs", Value: 2}, {Name: "Spilled VGPRs", Value: 3}, {Name: "Spilled SGPRs", Value: 4},
		{Name: "LDS size", Value: 5}, {Name: "Scratch size", Value: 6}, {Name: "Hash", Value: 1e19}, {Name: "Code size", Value: 7}, {Name: "Subgroups per SIMD", Value: 8}}
	if got, err := rowOf("x", statistics); err != nil || got != (Row{"x", 1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := rowOf("x", statistics[:8]); err == nil || !strings.Contains(err.Error(), `"Subgroups per SIMD"`) {
		t.Errorf("got %v", err)
	}
}
