package kernels

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/shaders"
	"github.com/marr-ssl/marr/vk"
)

// variant is one kernel of an implicit GEMM.
type variant struct {
	kernel        string
	rows, columns int // forward: size of the part of the result that one work group computes, in elements
	cb, kb        int // weight kernels without tiles: vectors of input and output channels that one lane sums, for `taps` taps
	taps          int
	lanes         int      // weight kernels without tiles: invocations of a work group
	tile          *tile    // nil: lean or small
	constants     []uint32 // tiles of halves: specialization constants from id 4 on
}

// small reports whether a variant is of the family for GPUs with few registers.
func (v variant) small() bool { return strings.HasPrefix(v.kernel, "small.") }

// tile is the part of a product that one work group of the tiled family computes, with its operands in shared memory.
type tile struct {
	name          string
	rows, columns int
	lanes         uint32 // invocations of a work group
	shared        uint32 // bytes of shared memory
}

// tiles lists the tiles of shaders/tiled.comp, the largest first. Vulkan guarantees 128 invocations and 16 KiB, enough for all but the first.
var tiles = []tile{
	{"128x128", 128, 128, 256, 16 * (512 + 8*33)},
	{"128x64", 128, 64, 128, 16 * (3*128 + 8*17)},
	{"64x64", 64, 64, 128, 16 * (3*64 + 8*17)},
	{"64x32", 64, 32, 64, 16 * (3*64 + 8*9)},
	{"32x32", 32, 32, 64, 16 * (3*32 + 8*9)},
}

// wholeTerms is the number of terms that tiled.gather sums in an iteration: in one tap, if the channels are a multiple of it.
const wholeTerms = 8

// terms is wholeTerms for the variant.
func (v variant) terms() int {
	if f := halfFamilyOf(v.kernel); f != nil {
		return f.terms
	}
	return wholeTerms
}

func (t tile) fits(d vk.Info) bool { return t.runs(d.Limits) && Fits(d, t.name) }

func (t tile) runs(l vk.Limits) bool {
	return t.lanes <= min(l.WorkGroupInvocations, l.WorkGroupSize[0]) && t.shared <= l.SharedMemory
}

// forcedWords returns the words of MARR_KERNELS, which override the choice of kernels: plain or texel; lean, small, tiled, a tile or a lean kernel, for
// the shapes that it supports; coop, packed or one of their tiles (coop64x64), for products of halves; composed for attention; unfused keeps batch norms apart from
// convolutions, to measure what fusing saves.
func forcedWords(s vk.Settings) []string {
	return strings.FieldsFunc(s.Kernels, func(r rune) bool { return r == ',' })
}

// checkForced returns an error for an unknown word of MARR_KERNELS.
func checkForced(words []string) error {
	known := append([]string{"lean", "small", "tiled", "composed", "unfused"}, InputAccessModes...)
	for _, t := range tiles {
		known = append(known, t.name)
	}
	for _, f := range halfFamilies {
		known = append(known, f.words()...)
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
			return &BuildError{"MARR_KERNELS", fmt.Sprintf("unknown kernel %q: known are %s", w, strings.Join(known, ", "))}
		}
	}
	return nil
}

// forwardVariants returns the kernels for a product that the device can run and MARR_KERNELS allows.
func (g *Graph) forwardVariants(a gemmForward) []variant {
	var lean []variant
	k4 := quads(a.k)
	if a.tapsW == 3 && a.step == 1 { // neighboring pixels share their reads
		for _, v := range []variant{{kernel: "conv3.r16", rows: 128, columns: 2 * lanes}, {kernel: "conv3.r8", rows: 64, columns: 4 * lanes}} {
			if a.gridW%(v.rows/8) == 0 {
				lean = append(lean, v)
			}
		}
	}
	for kb := 4; kb > 0; kb /= 2 { // more than k4 vectors would be wasted
		if kb <= k4 || kb == 1 {
			lean = append(lean, variant{kernel: fmt.Sprintf("conv.k%d", kb), rows: 64, columns: kb * lanes})
		}
	}
	return g.variants(lean, variant{kernel: "small.gather", rows: 32, columns: 8 * lanes}, "gather", a.halves())
}

// weightVariants returns the same for a weight gradient.
func (g *Graph) weightVariants(c convShape, halves bool) []variant {
	lean := []variant{{kernel: "wgrad.c1", cb: 1, kb: 4, taps: 1, lanes: 8}}
	if quads(c.c) > 1 {
		lean = slices.Insert(lean, 0, variant{kernel: "wgrad.c4", cb: 4, kb: 2, taps: 1, lanes: 8})
		for _, run := range []int{4, 8} { // neighboring positions share their reads
			if c.s == 3 && c.stride == 1 && c.ow%run == 0 {
				lean = slices.Insert(lean, 0, variant{kernel: fmt.Sprintf("wgrad3.u%d", run), cb: 2, kb: 1, taps: 3, lanes: 8})
			}
		}
	}
	return g.variants(lean, variant{kernel: "small.outer", cb: 1, kb: 1, taps: 1, lanes: 64}, "outer", halves)
}

// variants returns those of the kernels for a pass, "gather" or "outer", that MARR_KERNELS allows and that fit the device: lean ones, the small one, tiles
// that multiply halves if a tensor of the product has halves, and tiles. Without halves the words of such tiles have no effect.
func (g *Graph) variants(lean []variant, small variant, pass string, halves bool) []variant {
	words := g.kernels.forced
	allowed := func(name string, more ...string) bool {
		return slices.Contains(words, name) || slices.ContainsFunc(more, func(m string) bool { return slices.Contains(words, m) })
	}
	if i := slices.IndexFunc(lean, func(v variant) bool { return allowed(v.kernel) }); i >= 0 {
		return lean[i : i+1]
	}
	restricted := allowed("lean", "small", "tiled") || slices.ContainsFunc(tiles, func(t tile) bool { return allowed(t.name) }) ||
		halves && slices.ContainsFunc(halfFamilies, func(f *halfFamily) bool { return allowed(f.name, f.words()...) })
	var out []variant
	if restricted && allowed("lean") {
		out = lean
	} else if !restricted {
		out = slices.DeleteFunc(lean, func(v variant) bool { return g.dev != nil && !Fits(g.dev.Info(), v.kernel) })
	}
	if !restricted || allowed("small") {
		out = append(out, small)
	}
	if halves && g.dev != nil {
		for _, f := range halfFamilies {
			out = append(out, f.variants(g.dev.Info(), pass, words, restricted)...)
		}
	}
	for i, t := range tiles {
		if (!restricted || allowed(t.name, "tiled")) && (g.dev == nil || t.fits(g.dev.Info())) {
			out = append(out, variant{kernel: "tiled." + pass + "_" + t.name, rows: t.rows, columns: t.columns, tile: &tiles[i]})
		}
	}
	if len(out) == 0 {
		misuse("MARR_KERNELS", "%q leaves no kernel that this device can run", strings.Join(words, ","))
	}
	return out
}

// minGroups is the number of work groups that keep a large GPU busy: about two for each of the 132 multiprocessors of an H100.
const minGroups = 256

// suitsForward reports whether the static rule accepts a tile for a product [m n]: at least half of its columns are in use, and the product has
// enough work groups. Variants are tried in order, the largest tile first.
func (v variant) suitsForward(m, n int) bool {
	return v.tile != nil && (n > v.columns/2 && ceil(m, v.rows)*ceil(n, v.columns) >= minGroups)
}

// suitsWeight is suitsForward for weights [k][n]. Chunks of the sum provide enough work groups.
func (v variant) suitsWeight(k, n int) bool { return v.tile != nil && k > v.rows/2 && n > v.columns/2 }

// weightTiles returns the number of tiles (lean kernels: lanes) and of work groups for one chunk.
func (v variant) weightTiles(k4, c4, taps int) (tiles, groups int) {
	if v.tile != nil {
		tiles = ceil(k4*lanes, v.tile.rows) * ceil(taps*c4*lanes, v.tile.columns)
		return tiles, tiles
	}
	tiles = ceil(c4, v.cb) * (taps / v.taps) * ceil(k4, v.kb)
	return tiles, ceil(tiles, v.lanes)
}

// FamilyOf returns the family of kernels that the static rule picks for convolutions and matrix products: lean on CPU devices that they fit, small on
// others and on GPUs that no tile fits, tiled elsewhere. A tuner picks by shape.
func FamilyOf(d vk.Info) string {
	switch {
	case d.Type == vk.CPU && Fits(d, "conv.k1"):
		return "lean"
	case d.Type == vk.CPU || len(TilesOf(d)) == 0:
		return "small"
	}
	return "tiled"
}

// TilesOf returns the names of the tiles that a device can run, the largest first.
func TilesOf(d vk.Info) (names []string) {
	for _, t := range tiles {
		if t.fits(d) {
			names = append(names, t.name)
		}
	}
	return names
}

// ForcedVariants returns the values of MARR_KERNELS that cover what a test has not run: the other input access, and every kernel that a program
// did not use (Program.Alternatives). A tile or a family is forced for all passes at once.
func ForcedVariants(dev *vk.Device, alternatives []string) []string {
	var out []string
	for _, f := range InputAccessModes {
		if f != InputAccess(dev) {
			out = append(out, f)
		}
	}
	for _, k := range alternatives {
		if _, word, ok := strings.Cut(k, "_"); ok && halfFamilyOf(k) != nil {
			k = halfFamilyOf(k).name + word
		} else if ok {
			k = word
		} else if strings.HasPrefix(k, "small.") {
			k = "small"
		}
		if k == "lean" && !Fits(dev.Info(), "conv.k1") { // it names convolutions too
			continue
		}
		if word := InputAccess(dev) + "," + k; !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}
