package kernels

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/marr-ssl/marr/vk"
)

// selection holds the choice of kernels for the passes and shapes of a program.
type selection struct {
	forced     []string          // words of MARR_KERNELS
	chosen     map[string]string // the kernel for each pass and shape
	offered    map[string]bool   // all kernels that were candidates
	transposes map[transposed]*Tensor
}

// transposed identifies a weight whose transpose is recorded: its position in the store, and the segment that computes the transpose.
type transposed struct {
	set     int
	offset  int64
	segment int
}

// choice is a pass of one shape, with the variants that can run it.
type choice struct {
	key     string
	options []variant
	narrow  bool                 // lean kernels may be the fastest on a GPU
	rule    func(variant) bool   // the static rule accepts it
	launch  func(variant) launch // nil: the tuner cannot time the variants
}

// shapeKey returns the tuner's key for a pass and shape. The number of positions m is rounded up to a power of two. width is that of their grid.
func shapeKey(pass string, m, width, k, c, tapsH, tapsW, stride int) string {
	return fmt.Sprintf("%s m=2^%d width=%d k=%d c=%d taps=%dx%d stride=%d", pass, bits.Len(uint(max(m, 1)-1)), width, k, c, tapsH, tapsW, stride)
}

// keyOfHalves tells products with halves, which other kernels may compute, from those without.
func keyOfHalves(halves bool) string {
	if halves {
		return " halves"
	}
	return ""
}

// choose returns the variant for a shape: the one that a checkpoint pinned, else the one that the store's tuner found, else by the static rule.
func (g *Graph) choose(c choice) variant {
	if name, ok := g.kernels.chosen[c.key]; ok {
		return c.named(name)
	}
	for _, o := range c.options {
		g.kernels.offered[o.kernel] = true
	}
	v, ok := g.pinned(c)
	if !ok {
		c.options = g.withoutSpills(c)
		v, ok = g.store.tuner.pick(g, c)
	}
	if !ok {
		v = g.byRule(c)
	}
	g.kernels.chosen[c.key] = v.kernel
	return v
}

func (c choice) named(name string) variant {
	i := slices.IndexFunc(c.options, func(v variant) bool { return v.kernel == name })
	if i < 0 {
		misuse(c.key, "the run was started with kernel %s, which this device or MARR_KERNELS does not allow: resume it where it was started", name)
	}
	return c.options[i]
}

func (g *Graph) pinned(c choice) (variant, bool) {
	name, ok := g.store.pins[c.key]
	if !ok {
		return variant{}, false
	}
	return c.named(name), true
}

// byRule is the static rule: lean kernels on CPU devices, small ones where those do not fit; elsewhere the first tile that suits, else the smallest tile,
// else the kernel for small GPUs.
func (g *Graph) byRule(c choice) variant {
	first, last := c.options[0], c.options[len(c.options)-1]
	if g.dev == nil || first.tile == nil && g.dev.Info().Type == vk.CPU {
		return first
	}
	if last.tile == nil {
		return c.options[max(0, slices.IndexFunc(c.options, variant.small))]
	}
	for _, v := range c.options {
		if v.tile != nil && c.rule(v) {
			return v
		}
	}
	return last
}

// unfused reports whether batch norms are not fused into convolutions (fusenorm.go), by MARR_KERNELS or by the run that is resumed. It is one
// of Program.Variants, since sums are rounded differently.
func (g *Graph) unfused() bool {
	const key, word = "statistics", "unfused"
	on := slices.Contains(g.kernels.forced, word)
	if g.store.pins != nil {
		on = g.store.pins[key] == word
	}
	if on {
		g.kernels.chosen[key] = word
	}
	return on
}

// Variants returns the kernel for each pass and shape of the program. Checkpoints keep it, since kernels may round sums differently.
func (p *Program) Variants() map[string]string { return p.variants }

// Alternatives returns, sorted, the kernels that the program could have used and did not.
func (p *Program) Alternatives() []string {
	taken := slices.Collect(maps.Values(p.variants))
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.offered)), func(k string) bool { return slices.Contains(taken, k) })
}

// Pin makes programs built from now on use the given kernel for each pass and shape, as returned by Program.Variants of an earlier program.
func (s *Store) Pin(variants map[string]string) { s.pins = variants }
