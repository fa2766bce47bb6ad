package kernels

import (
	"slices"
	"strings"

	"github.com/marr-ssl/marr/vk"
)

// coopTiles lists the tiles of shaders/coop.comp, as tiles does those of tiled.comp. 64x64-256, with twice the invocations of 64x64, is for GPUs of Intel,
// whose registers the others exceed.
var coopTiles = []tile{
	{"128x128", 128, 128, 256, 8 * (128*10 + 32*34)},
	{"128x64", 128, 64, 128, 8 * (128*10 + 32*18)},
	{"64x64", 64, 64, 128, 8 * (64*10 + 32*18)},
	{"64x64-256", 64, 64, 256, 8 * (64*10 + 32*18)},
	{"64x32", 64, 32, 64, 8 * (64*10 + 32*10)},
}

const (
	coopTerms = 32 // terms that coop.comp sums in an iteration
	coopSlab  = 32 // rows of a tile that pass through shared memory at once
)

// coop multiplies with matrix units. A driver that is not trusted is used only if MARR_KERNELS names the family or a tile.
var coop = halfFamily{
	name:      "coop",
	tiles:     coopTiles,
	terms:     coopTerms,
	offers:    trustedMatrices,
	constants: func(t tile, d vk.Info) ([]uint32, bool) { spec := t.matrices(d.Caps); return spec, spec != nil },
}

func isCoop(kernel string) bool { return strings.HasPrefix(kernel, "coop.") }

// trustedMatrices reports whether a driver's matrix units are right and fast as far as known. Drivers may offer matrices that their hardware lacks, and
// are then up to a thousand times slower.
func trustedMatrices(d vk.Info) bool {
	switch d.DriverID {
	case vk.DriverRADV, vk.DriverAMDVLK, vk.DriverNVIDIA: // they offer them from RDNA 3 and from Turing on
		return true
	case vk.DriverANV, vk.DriverIntelWindows:
		return d.Caps.LeastSubgroup >= 16 // Xe2 and later have no subgroups of 8
	case vk.DriverLlvmpipe:
		return d.Caps.LeastSubgroup == 8 // Mesa 26 crashes with vectors of 512 bits
	}
	return false
}

// coopFits reports whether a device has registers enough for a kernel of matrix units. Mesa's compiler for Battlemage keeps more than 16 sums of a lane in
// memory, that for RDNA 3 has room for 64 (make shaderstats).
func coopFits(d vk.Info, kernel string) bool {
	t := coopTile(kernel)
	return t != nil && (d.VendorID != intel || t.rows*t.columns <= 16*int(t.lanes))
}

const intel = 0x8086

// coopFitsNormed is coopFits for kernels that work for batch norms as they load. A weight gradient keeps three coefficients for each vector that an invocation
// loads, for which the compilers have room if it loads four, and that for Battlemage has none.
func coopFitsNormed(d vk.Info, kernel string) bool {
	t := coopTile(kernel)
	return coopFits(d, kernel) && (!strings.Contains(kernel, "outer") || d.VendorID != intel && t.rows*coopTerms/lanes <= 4*int(t.lanes))
}

// coopTile returns the tile of a kernel of matrix units.
func coopTile(kernel string) *tile {
	i := slices.IndexFunc(coopTiles, func(t tile) bool { return strings.HasSuffix(kernel, "_"+t.name) })
	if i < 0 {
		return nil
	}
	return &coopTiles[i]
}

// MatrixConstants returns the specialization constants of a kernel of matrix units from id 4 on, nil if the device lacks a shape for it.
func MatrixConstants(d vk.Info, kernel string) []uint32 {
	if t := coopTile(kernel); t != nil {
		return t.matrices(d.Caps)
	}
	return nil
}

// matrices returns the specialization constants of coop.comp from M on, for the largest shape of products that divides the tile: M, N, K, the subgroup
// size and the subgroups above each other. It returns nil if there is no such shape.
func (t tile) matrices(c vk.Caps) (spec []uint32) {
	subgroup, most := int(c.LeastSubgroup), 0
	if subgroup == 0 || int(t.lanes)%subgroup != 0 {
		return nil
	}
	subgroups := int(t.lanes) / subgroup
	for _, s := range c.Matrices {
		above := min(coopSlab/s.M, subgroups)
		if above > 0 && coopSlab%(above*s.M) == 0 && coopTerms%s.K == 0 && s.N%lanes == 0 && subgroups%above == 0 && t.columns%(subgroups/above*s.N) == 0 && s.M*s.N*s.K > most {
			most, spec = s.M*s.N*s.K, words(s.M, s.N, s.K, subgroup, above)
		}
	}
	return spec
}

// MatrixTiles returns the names of the tiles that a device multiplies with its matrix units in mixed precision, the largest first.
func MatrixTiles(d vk.Info) []string { return coop.tilesOf(d) }
