package kernels

import (
	"slices"
	"strings"

	"github.com/marr-ssl/marr/vk"
)

// halfFamily is a family of tiles that multiplies halves, for products with halves in a tensor: its kernels round both operands on the way into shared memory
// and sum in floats.
type halfFamily struct {
	name   string // the word of MARR_KERNELS, and how the names of its kernels begin
	tiles  []tile
	terms  int // that its kernels sum in an iteration
	offers func(vk.Info) bool
	// constants returns the specialization constants from id 4 on. It reports false if the device cannot run the tile.
	constants func(tile, vk.Info) ([]uint32, bool)
}

// halfFamilies lists the families in the order in which a program prefers them.
var halfFamilies = []*halfFamily{&coop, &packed}

// halfFamilyOf returns the family of a kernel, nil for one that multiplies floats.
func halfFamilyOf(kernel string) *halfFamily {
	name, _, _ := strings.Cut(kernel, ".")
	i := slices.IndexFunc(halfFamilies, func(f *halfFamily) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return halfFamilies[i]
}

// word returns the word of MARR_KERNELS for a tile.
func (f *halfFamily) word(t tile) string { return f.name + t.name }

// words returns all words of MARR_KERNELS for the family.
func (f *halfFamily) words() []string {
	out := []string{f.name}
	for _, t := range f.tiles {
		out = append(out, f.word(t))
	}
	return out
}

// variants returns the kernels for a pass, "gather" or "outer". words are those of MARR_KERNELS; if restricted, only what they name is returned, on any
// device that can run it.
func (f *halfFamily) variants(d vk.Info, pass string, words []string, restricted bool) (out []variant) {
	for i, t := range f.tiles {
		kernel := f.name + "." + pass + "_" + t.name
		if restricted && !slices.Contains(words, f.name) && !slices.Contains(words, f.word(t)) || !restricted && !f.offers(d) {
			continue
		}
		if constants, ok := f.constants(t, d); ok && t.runs(d.Limits) && Fits(d, kernel) {
			out = append(out, variant{kernel: kernel, rows: t.rows, columns: t.columns, tile: &f.tiles[i], constants: constants})
		}
	}
	return out
}

// tilesOf returns the names of the tiles that a device is offered, the largest first.
func (f *halfFamily) tilesOf(d vk.Info) (names []string) {
	for _, v := range f.variants(d, "gather", nil, false) {
		names = append(names, v.tile.name)
	}
	return names
}

// packed multiplies two pairs of halves in an instruction, which adds both products to a float (v_dot2_f32_f16 on AMD). See shaders/packed.comp.
var packed = halfFamily{
	name: "packed",
	tiles: []tile{
		{"128x128", 128, 128, 256, 16 * (512 + 8*33)},
		{"64x64", 64, 64, 128, 16 * (3*64 + 8*17)},
	},
	terms:     16,
	offers:    func(d vk.Info) bool { return d.Caps.MixedDot && len(MatrixTiles(d)) == 0 },
	constants: func(tile, vk.Info) ([]uint32, bool) { return nil, true },
}

func isPacked(kernel string) bool { return strings.HasPrefix(kernel, "packed.") }

// PackedTiles returns the names of the tiles that a device without matrix units multiplies by products of two halves in mixed precision, the largest first.
func PackedTiles(d vk.Info) []string { return packed.tilesOf(d) }
