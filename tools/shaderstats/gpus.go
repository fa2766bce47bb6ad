package main

import (
	"os"
	"os/exec"
	"path/filepath"

	"github.com/marr-ssl/marr/vk"
)

// A gpu is one that Mesa's drivers can be made to compile for.
type gpu struct {
	vendor, name string
	label        string // what it is
	setting      string // the environment variable that chooses it
	preload      string // the library that answers for the kernel's graphics driver; "": the driver needs none
	matrices     bool   // it has matrix units that kernels use
	pairs        bool   // the table shows its instructions with two halves, for 32 lanes
	dots         bool   // it multiplies two pairs of halves in an instruction
	folder       string // of its driver, within that of the others
}

var gpus = []gpu{
	{"amd", "gfx1201", "RDNA 4", "AMDGPU_GPU_ID", "amdgpu", true, false, false, "rdna4"},
	{"amd", "navi31", "RDNA 3", "RADV_FORCE_FAMILY", "", true, true, false, ""},
	{"amd", "vangogh", "RDNA 2", "AMDGPU_GPU_ID", "amdgpu", false, false, true, "rdna4"},
	{"amd", "navi21", "RDNA 2", "RADV_FORCE_FAMILY", "", false, false, false, ""},
	{"amd", "navi10", "RDNA 1", "RADV_FORCE_FAMILY", "", false, false, false, ""},
	{"amd", "vega10", "GCN 5", "RADV_FORCE_FAMILY", "", false, false, false, ""},
	{"amd", "polaris10", "GCN 4", "RADV_FORCE_FAMILY", "", false, false, false, ""},
	{"intel", "bmg", "Battlemage", "INTEL_STUB_GPU_PLATFORM", "intel", true, false, false, ""},
	{"intel", "dg2", "Arc", "INTEL_STUB_GPU_PLATFORM", "intel", false, false, false, ""},
	{"intel", "tgl", "Tiger Lake", "INTEL_STUB_GPU_PLATFORM", "intel", false, false, false, ""},
	{"intel", "skl", "Skylake", "INTEL_STUB_GPU_PLATFORM", "intel", false, false, false, ""},
	{"adreno", "750", "Adreno 750", "FD_GPU_ID", "freedreno", false, false, false, ""},
	{"adreno", "660", "Adreno 660", "FD_GPU_ID", "freedreno", false, false, false, ""},
	{"mali", "ac74", "Mali-G310", "PAN_GPU_ID", "panfrost", false, false, false, ""},
	{"mali", "7212", "Mali-G52", "PAN_GPU_ID", "panfrost", false, false, false, ""},
	{"v3d", "71", "V3D 7.1", "", "v3d", false, false, false, ""},
}

// environment returns the variables with which the driver in the folder believes that the GPU is there.
func (g gpu) environment(folder string) []string {
	folder = filepath.Join(folder, g.folder)
	icd, libraries := filepath.Join(folder, g.vendor+".json"), filepath.Join(folder, "lib")
	env := []string{"VK_ICD_FILENAMES=" + icd, "VK_DRIVER_FILES=" + icd, "LD_LIBRARY_PATH=" + libraries + ":" + filepath.Join(folder, "packages"), "VK_LOADER_LAYERS_DISABLE=~implicit~",
		"MARR_DEVICE=0", "MARR_VALIDATION=0", "MESA_SHADER_CACHE_DISABLE=true"}
	if g.setting != "" {
		env = append(env, g.setting+"="+g.name)
	}
	if g.preload != "" {
		env = append(env, "LD_PRELOAD="+filepath.Join(libraries, "lib"+g.preload+"_noop_drm_shim.so"))
	}
	if g.vendor == "mali" { // the driver calls itself unfinished, and reports spills on standard error only
		env = append(env, "PAN_I_WANT_A_BROKEN_VULKAN_DRIVER=1", "BIFROST_MESA_DEBUG=shaderdb")
	}
	return env
}

// command returns a command that starts a program with the driver in the folder. A driver of a newer Debian needs the loader of its libc.
func (g gpu) command(folder, program string, args ...string) *exec.Cmd {
	if loader := filepath.Join(folder, g.folder, "ld.so"); g.folder != "" {
		program, args = loader, append([]string{program}, args...)
	}
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), g.environment(folder)...)
	return c
}

// statistics holds each vendor's PCI id and what its driver calls registers, code, the latter in units of so many bytes, and cycles. Some do not report
// registers. loop reads the assembly of those that show it.
var statistics = map[string]struct {
	id                      uint32
	registers, code, cycles string
	unit                    int
	loop                    func(assembly string) loop
}{
	"amd":    {0x1002, "VGPRs", "Code size", "Inverse Throughput", 1, amdLoop},
	"intel":  {0x8086, "Max live registers", "Instruction Count", "Cycle Count", 16, intelLoop},
	"adreno": {0x5143, "Registers used", "Code size", "", 4, nil},
	"mali":   {0x13b5, "", "Code Size", "", 1, nil},
	"v3d":    {0x14e4, "", "Instruction Count", "", 8, nil},
}

// fill sets the numbers of a row from a driver's statistics.
func (r *row) fill(vendor string, all []vk.Statistic) {
	names := statistics[vendor]
	for _, s := range all {
		switch s.Name {
		case names.registers:
			r.Registers = int(s.Value)
		case names.code:
			r.Code = int(s.Value) * names.unit
		}
	}
	r.Spills = int(vk.Spills(all))
}
