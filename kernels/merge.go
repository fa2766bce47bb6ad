package kernels

import "github.com/marr-ssl/marr/vk"

// fanIn is the number of partial results that one lane merges. A lane reads them one after the other, so the number is small; each level is a dispatch
// behind a barrier, so it is not smaller: 32³ parts need three levels. The shaders, and the last bits of results, depend on it.
const fanIn = 32

// sumLevels adds parts [parts][size vectors] in levels until at most fanIn are left. A level with G results adds parts j, j + G, j + 2G, …
func (g *Graph) sumLevels(part *Tensor, parts, size int) (left *Tensor, n int) {
	return g.mergeLevels("sum", part, parts, size, fanIn)
}

// mergeLevels runs a kernel that merges `parts` parts of `size` vectors into ⌈parts/fanIn⌉, until at most `most` are left.
func (g *Graph) mergeLevels(kernel string, part *Tensor, parts, size, most int) (left *Tensor, n int) {
	for parts > most {
		groups := (parts + fanIn - 1) / fanIn
		next := g.alloc("merged "+kernel, part.dtype, []int{groups, size * lanes})
		g.run(launch{kernel: kernel, rows: 1, binds: []bind{whole(part), wholeOut(next)},
			push:   func(_, _ int) constants { return constants{"n": size, "parts": parts, "groups": groups} },
			groups: func(int) [3]uint32 { return groups1(groups*size, 32) }})
		part, parts = next, groups
	}
	return part, parts
}

// mergeStatLevels merges statistics [parts][mean, M2][C] of parts of `per` rows, but for the last part, in levels until at most `most` parts are left. Each
// level multiplies `per` by fanIn.
func (g *Graph) mergeStatLevels(part *Tensor, per, rows, most int) (left *Tensor, parts, leftPer int) {
	c4 := part.quads()
	parts = (rows + per - 1) / per
	for parts > most {
		groups := (parts + fanIn - 1) / fanIn
		next := g.alloc("merged statistics", F32, []int{groups, 2, c4 * lanes})
		g.run(launch{kernel: "bn_merge.level", rows: 1, binds: []bind{whole(part), wholeOut(next)},
			push:   func(_, _ int) constants { return constants{"c4": c4, "parts": parts, "per": per, "rows": rows} },
			groups: func(int) [3]uint32 { return groups1(groups*c4, 32) }})
		part, parts, per = next, groups, per*fanIn
	}
	return part, parts, per
}

// mergeStats merges statistics [parts][mean, M2][C] of `rows` rows, `per` in each part but the last, and includes γ and β. It returns
// [a b mean invstd][C] and keeps mean and variance for UpdateRunningStats.
func (g *Graph) mergeStats(part *Tensor, per, rows int, gamma, beta *Tensor, n Norm) (coef *Tensor) {
	c4 := gamma.quads()
	populations, devices := g.populations()
	if devices > 1 {
		part, _, _ = g.mergeStatLevels(part, per, rows, 1)
		part, per, rows = g.ofAllDevices(part), rows, rows*devices
	}
	part, parts, per := g.mergeStatLevels(part, per, rows, fanIn)
	coef = g.alloc("batch norm "+n.name(), F32, []int{4, c4 * lanes})
	kept := g.alloc("batch statistics "+n.name(), F32, []int{populations, 2, c4 * lanes})
	slot := g.Scalar("micro")
	g.run(launch{kernel: "bn_merge.fold", rows: 1,
		binds: []bind{whole(part), whole(gamma), whole(beta), wholeOut(coef), {t: kept, access: vk.ReadWrite, part: populations > 1}, whole(slot.mem)},
		push: func(_, _ int) constants {
			return constants{"c4": c4, "parts": parts, "per": per, "rows": rows, "micro": slot.index, "slots": populations, "variance": n.Statistics == MeanAndVariance, "eps": n.Eps}
		},
		groups: func(int) [3]uint32 { return groups1(c4, 32) }})
	g.update.folds = append(g.update.folds, fold{n: n, kept: kept, rows: rows, devices: devices, segment: g.segmentIndex()})
	return coef
}
