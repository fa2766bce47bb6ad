package kernels

import (
	"fmt"
	"slices"
	"strings"

	"marr/shaders"
	"marr/vk"
)

// variant is one kernel for an implicit GEMM.
type variant struct {
	kernel        string
	rows, columns int // of the result, in numbers, that one group makes (forward)
	cb, kb        int // lean weight kernels: vectors of input and output channels that one lane sums, for `taps` taps
	taps          int
	tile          *tile // nil: lean
}

// tile is the share of a group of the tiled family, whose kernels keep their operands in shared memory.
type tile struct {
	name          string
	rows, columns int
	lanes         uint32 // invocations of a group
	shared        uint32 // bytes
}

// tiles are those of shaders/tiled.comp, the largest first. All but the first fit what every Vulkan device has: 128 invocations and 16 KiB.
var tiles = []tile{
	{"128x128", 128, 128, 256, 16 * 16 * (33 + 33)},
	{"128x64", 128, 64, 128, 16 * 16 * (33 + 17)},
	{"64x64", 64, 64, 128, 16 * 16 * (17 + 17)},
	{"64x32", 64, 32, 64, 16 * 16 * (17 + 9)},
}

func (t tile) fits(l vk.Limits) bool {
	return t.lanes <= min(l.WorkGroupInvocations, l.WorkGroupSize[0]) && t.shared <= l.SharedMemory
}

// forced are the words of MARR_KERNELS, which overrides what a device would get: plain or texel; lean, tiled, the name of one tile, or of one
// lean kernel, for the shapes that it can run; unfused, so that batch norm reads what it normalises for its statistics, to measure what the fusion saves.
func forced(s vk.Settings) []string {
	return strings.FieldsFunc(s.Kernels, func(r rune) bool { return r == ',' })
}

// checkForced refuses words of MARR_KERNELS that mean nothing.
func checkForced(words []string) error {
	known := append([]string{"lean", "tiled", "unfused"}, Readings...)
	for _, t := range tiles {
		known = append(known, t.name)
	}
	for _, n := range shaders.Names() {
		for _, lean := range []string{"conv", "wgrad"} {
			if k, ok := strings.CutSuffix(n, "_plain"); ok && strings.HasPrefix(n, lean) {
				known = append(known, k)
			}
		}
	}
	for _, w := range words {
		if !slices.Contains(known, w) {
			return &BuildError{"MARR_KERNELS", fmt.Sprintf("%q: no such kernels: known are %s", w, strings.Join(known, ", "))}
		}
	}
	return nil
}

// forwardVariants lists what the device can run and MARR_KERNELS allows for a product.
func (g *Graph) forwardVariants(a gemmForward) []variant {
	var lean []variant
	k4 := quads(a.k)
	if a.tapsW == 3 && a.step == 1 { // runs of pixels share what they read
		for _, v := range []variant{{kernel: "conv3.r16", rows: 128, columns: 2 * lanes}, {kernel: "conv3.r8", rows: 64, columns: 4 * lanes}} {
			if a.gridW%(v.rows/8) == 0 {
				lean = append(lean, v)
			}
		}
	}
	for kb := 4; kb > 0; kb /= 2 { // more vectors than there are would be wasted
		if kb <= k4 || kb == 1 {
			lean = append(lean, variant{kernel: fmt.Sprintf("conv.k%d", kb), rows: 64, columns: kb * lanes})
		}
	}
	return g.variants(lean, "tiled.gather_")
}

// weightVariants lists the same for a weight gradient.
func (g *Graph) weightVariants(c convShape) []variant {
	lean := []variant{{kernel: "wgrad.c1", cb: 1, kb: 4, taps: 1}}
	if quads(c.c) > 1 {
		lean = slices.Insert(lean, 0, variant{kernel: "wgrad.c4", cb: 4, kb: 2, taps: 1})
		for _, run := range []int{4, 8} { // neighbouring positions that share what they read
			if c.s == 3 && c.stride == 1 && c.ow%run == 0 {
				lean = slices.Insert(lean, 0, variant{kernel: fmt.Sprintf("wgrad3.u%d", run), cb: 2, kb: 1, taps: 3})
			}
		}
	}
	return g.variants(lean, "tiled.outer_")
}

func (g *Graph) variants(lean []variant, tiled string) []variant {
	words := g.kernels.forced
	allowed := func(name string, more ...string) bool {
		return slices.Contains(words, name) || slices.ContainsFunc(more, func(m string) bool { return slices.Contains(words, m) })
	}
	if i := slices.IndexFunc(lean, func(v variant) bool { return allowed(v.kernel) }); i >= 0 {
		return lean[i : i+1]
	}
	some := allowed("lean", "tiled") || slices.ContainsFunc(tiles, func(t tile) bool { return allowed(t.name) })
	var out []variant
	if !some || allowed("lean") {
		out = lean
	}
	for i, t := range tiles {
		if (!some || allowed(t.name, "tiled")) && (g.dev == nil || t.fits(g.dev.Info().Limits)) {
			out = append(out, variant{kernel: tiled + t.name, rows: t.rows, columns: t.columns, tile: &tiles[i]})
		}
	}
	if len(out) == 0 {
		misuse("MARR_KERNELS", "%q leaves no kernel that this device can run", strings.Join(words, ","))
	}
	return out
}

// minGroups is the number of groups that keep a large GPU busy: about two for each of some 130 multiprocessors, as an H100 has.
const minGroups = 256

// suitsForward is the rule without a tuner, for variants tried in order: a CPU gets the first of the lean ones; a GPU the largest tile which leaves
// no half of its columns empty and enough groups.
func (v variant) suitsForward(m, n int) bool {
	return v.tile != nil && (n > v.columns/2 && ceil(m, v.rows)*ceil(n, v.columns) >= minGroups)
}

// suitsWeight is suitsForward for [k][n] weights, whose groups are multiplied by cutting the sum into chunks.
func (v variant) suitsWeight(k, n int) bool { return v.tile != nil && k > v.rows/2 && n > v.columns/2 }

// weightTiles returns how many tiles one chunk has (for lean kernels: lanes), and how many groups make them.
func (v variant) weightTiles(k4, c4, taps int) (tiles, groups int) {
	if v.tile != nil {
		tiles = ceil(k4*lanes, v.tile.rows) * ceil(taps*c4*lanes, v.tile.columns)
		return tiles, tiles
	}
	tiles = ceil(c4, v.cb) * (taps / v.taps) * ceil(k4, v.kb)
	return tiles, ceil(tiles, 8)
}

// FamilyOf is the family of kernels that the static rule gives a device for convolutions and matrix products: lean on CPU devices, tiled
// elsewhere. A tuner chooses by shape.
func FamilyOf(d vk.Info) string {
	if d.Type == vk.CPU {
		return "lean"
	}
	return "tiled"
}

// TilesOf names the tiles of the tiled family that a device can run, the largest first.
func TilesOf(d vk.Info) (names []string) {
	for _, t := range tiles {
		if t.fits(d.Limits) {
			names = append(names, t.name)
		}
	}
	return names
}

// Forcible lists values of MARR_KERNELS that a test should run beside the device's own choice: the other ways of reading, and each kernel that a
// program did not take (Program.Alternatives), tiles for all passes at once.
func Forcible(dev *vk.Device, alternatives []string) []string {
	var out []string
	for _, f := range Readings {
		if f != Reading(dev) {
			out = append(out, f)
		}
	}
	for _, k := range alternatives {
		if _, tile, ok := strings.Cut(k, "_"); ok {
			k = tile
		}
		if word := Reading(dev) + "," + k; !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}
