package kernels

import (
	"math"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/vk"
)

// budgets holds the registers that a lane may need on the GPUs of a vendor, by vk.Info.VendorID, in numbers of 32 bits. They are set so that no kernel
// within its budget keeps numbers in memory, which makes kernels several times slower, with the compilers of Mesa 25.0 (make shaderstats). Other vendors
// get otherBudget.
var budgets = map[uint32]int{
	0x1002: 184, // AMD
	0x10de: 184, // NVIDIA
	0x5143: 128, // Qualcomm (Adreno)
	0x8086: 96,  // Intel
	0x13b5: 56,  // Arm (Mali)
	0x14e4: 56,  // Broadcom (V3D)
}

const otherBudget = 96

// needs holds the registers of the kernels that programs choose among, as Mesa's compiler for AMD counts them, the most on RDNA 2 and 3. A name without a
// dot stands for a tile in all its uses. Kernels that are not listed need few.
var needs = map[string]int{
	"128x128": 156, "128x64": 168, "64x64": 84, "64x32": 112, "32x32": 84,
	"conv.k1": 128, "conv.k2": 168, "conv.k4": 256, "conv3.r8": 192, "conv3.r16": 256,
	"wgrad.c1": 168, "wgrad.c4": 256, "wgrad3.u4": 192, "wgrad3.u8": 240,
	"depthwise_weight.p8": 128,
	"attention_tiled":     180, "attention_tiled_back.queries": 180, "attention_tiled_back.keys": 180,
	"attention_lean": 256, "attention_lean_back.queries": 256, "attention_lean_back.keys": 256,
}

// tooLong lists how the names of kernels begin for which SwiftShader's compiler may need minutes, and tens of gigabytes. Those of the lean family do if
// they read storage buffers.
var tooLong = []string{"conv.", "conv3.", "wgrad.", "wgrad3.", "attention_tiled"}

// Fits reports whether a device has registers enough for a kernel, by the budget of its vendor. Every kernel fits a CPU device, whose first-level cache
// takes what does not fit its registers, unless its compiler cannot take the kernel.
func Fits(d vk.Info, kernel string) bool {
	if d.Type == vk.CPU {
		return d.DriverID != vk.DriverSwiftShader || !slices.ContainsFunc(tooLong, func(family string) bool { return strings.HasPrefix(kernel, family) })
	}
	if isCoop(kernel) {
		return coopFits(d, kernel)
	}
	return registers(kernel) <= budget(d)
}

// normedRegisters is about what a kernel of the tiled family needs more to work for batch norms as it loads: coefficients for each vector that an invocation
// loads, and a second vector.
const normedRegisters = 16

// FitsNormed is Fits for a kernel of tiles that works for batch norms as it loads (NORMED and NORM_BACK of shaders/tiled.comp).
func FitsNormed(d vk.Info, kernel string) bool {
	switch {
	case d.Type == vk.CPU:
		return true
	case isCoop(kernel):
		return coopFitsNormed(d, kernel)
	}
	return registers(kernel)+normedRegisters <= budget(d)
}

func budget(d vk.Info) int {
	if n, ok := budgets[d.VendorID]; ok {
		return n
	}
	return otherBudget
}

// registers returns what a kernel needs, from the table above.
func registers(kernel string) int {
	if _, tile, ok := strings.Cut(kernel, "_"); ok && (strings.HasPrefix(kernel, "tiled.") || isPacked(kernel)) {
		kernel = tile
	}
	return needs[kernel]
}

// reportsSpills reports whether the driver says what it keeps in memory, and that matters.
func (g *Graph) reportsSpills() bool {
	return g.dev != nil && g.dev.Info().Caps.Statistics && g.dev.Info().Type != vk.CPU
}

// withoutSpills returns the options of a choice that the driver compiled with the fewest registers in memory, mostly none. It returns all if the driver does
// not say.
func (g *Graph) withoutSpills(c choice) []variant {
	if !g.reportsSpills() || c.launch == nil || len(c.options) < 2 {
		return c.options
	}
	launches := map[string]launch{}
	var all []vk.Kernel
	for _, v := range c.options {
		l := c.launch(v)
		launches[v.kernel] = l
		if k, err := kernelFor(g.dev, l.kernel, l.halves(), l.spec); err == nil {
			all = append(all, k)
		}
	}
	_, _ = g.dev.Pipelines(all) // several at once; spills finds the errors
	least := math.Inf(1)
	for _, l := range launches {
		least = min(least, g.spills(l))
	}
	return slices.DeleteFunc(slices.Clone(c.options), func(v variant) bool { return g.spills(launches[v.kernel]) > least })
}

// spills returns what the driver says it keeps of a kernel's registers in memory, in its own unit: 0 if it does not say, +Inf if it cannot compile the kernel.
// Compare it with that of other kernels, since a driver may count what every kernel has.
func (g *Graph) spills(l launch) float64 {
	if !g.reportsSpills() {
		return 0
	}
	k, err := kernelFor(g.dev, l.kernel, l.halves(), l.spec)
	if err != nil {
		return math.Inf(1)
	}
	p, err := g.dev.Pipeline(k)
	if err != nil {
		return math.Inf(1)
	}
	statistics, err := p.Statistics()
	if err != nil {
		return 0
	}
	return vk.Spills(statistics)
}
