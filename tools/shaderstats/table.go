package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// check returns an error with every kernel that programs choose for a GPU although it keeps registers in memory or takes too long to compile.
func check(all []result) error {
	var errs []error
	for _, r := range all {
		for _, x := range r.rows {
			switch {
			case !x.Fits || !chosen(x.Shader):
			case x.Slow:
				errs = append(errs, fmt.Errorf("%s %s: %s takes more than %v to compile: shorten it, or let kernels.Fits refuse it", r.vendor, r.name, x.Shader, patience))
			case x.Spills > 0:
				errs = append(errs, fmt.Errorf("%s %s: %s spills (%d): use fewer registers, or let kernels.Fits refuse it", r.vendor, r.name, x.Shader, x.Spills))
			}
		}
	}
	return errors.Join(errs...)
}

const preface = `# What five vendors' compilers make of the kernels

` + "`make shaderstats`" + ` writes this file, with Mesa's drivers and no GPU: it compiles and runs nothing. A cell has the registers of a lane and the
bytes of code. On Intel the registers are those of all lanes, of 8 floats (bmg: 16), out of 128 (bmg: 256); on Adreno vectors of four;
Mali and V3D report none. **Spills** are the largest number that the driver reports for registers in memory, in its unit.
A GPU does not get kernels that are not listed for it: they do not fit the budget of its vendor (` + "`kernels/fit.go`" + `). "whole" is
the constant WHOLE of ` + "`shaders/tiled.glsl`" + `, which most layers have; "normed" are its constants NORMED and NORM_BACK. Other kernels, of ops that have but one, are
listed where they spill.
A dash marks kernels whose instructions a GPU lacks: matrix units, and dot products of halves (packed).
`

const loopPreface = `Multiply-adds per vector instruction (arithmetic, shared and global memory) in the loop over the terms of a sum, from the assembly, and the cycles that
the compiler estimates for the whole shader: on AMD for 64 lanes, if as many as fit take turns, on Intel for one thread. "Shared" is the bytes of
shared memory that a lane reads and writes for a multiply-add. RADV compiles for 64 lanes, if no size is required. For 32 lanes it pairs multiply-adds in
instructions with two halves; for 64 the hardware of RDNA 3 pairs the halves of a multiply-add itself. No kernel requires 32: 64 take fewer cycles.
Kernels of matrix units, for 32 lanes or 16, have products of matrices instead of multiply-adds (v_wmma, dpas); their loop has an inner one that runs
twice, which counts once.
`

// page returns a Markdown page with a table for each vendor and one of inner loops.
func page(all []result) string {
	var b strings.Builder
	b.WriteString(preface)
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(r result) bool { return r.vendor != all[0].vendor })
		if n < 0 {
			n = len(all)
		}
		vendorTable(&b, all[:n])
		if statistics[all[0].vendor].loop != nil && slices.ContainsFunc(all[0].rows, func(x row) bool { return x.Loop.Vector > 0 }) {
			loopTable(&b, all[:n])
		}
		all = all[n:]
	}
	return b.String()
}

// chosen reports whether a shader is of a kernel that programs choose among.
func chosen(shader string) bool {
	return slices.ContainsFunc([]string{"attention", "conv.", "conv3.", "wgrad", "small.", "tiled.", "packed.", "coop."}, func(p string) bool { return strings.HasPrefix(shader, p) })
}

// vendorTable writes the kernels that programs choose among and those that spill, and the largest of the others.
func vendorTable(b *strings.Builder, all []result) {
	var drivers []string
	for _, r := range all {
		if !slices.Contains(drivers, r.driver) {
			drivers = append(drivers, r.driver)
		}
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| kernel |", all[0].vendor, strings.Join(drivers, "; "))
	for _, r := range all {
		fmt.Fprintf(b, " %s (%s) |", r.name, r.label)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(all)) + "\n")
	others, registers, code := 0, 0, 0
	for i, x := range all[0].rows {
		if !chosen(x.Shader) && !slices.ContainsFunc(all, func(r result) bool { return r.rows[i].Spills > 0 || r.rows[i].Slow }) {
			others++
			for _, r := range all {
				registers, code = max(registers, r.rows[i].Registers), max(code, r.rows[i].Code)
			}
			continue
		}
		fmt.Fprintf(b, "| %s |", kernelLabel(x.Shader))
		for _, r := range all {
			fmt.Fprintf(b, " %s |", r.rows[i].cell())
		}
		b.WriteString("\n")
	}
	if others > 0 {
		fmt.Fprintf(b, "\nThe other %d shaders: at most %s, no spills.\n", others, row{Registers: registers, Code: code, Fits: true}.cell())
	}
}

// kernelLabel drops the way of reading the inputs from a shader's name.
func kernelLabel(shader string) string {
	name, whole, _ := strings.Cut(shader, " ")
	return strings.TrimSpace(kernelOf(name) + " " + whole)
}

func (x row) cell() string {
	var words []string
	switch {
	case x.Lacks:
		return "–"
	case x.Slow:
		words = append(words, fmt.Sprintf("**over %v**", patience))
	default:
		if x.Spills > 0 {
			words = append(words, fmt.Sprintf("**spills %d**", x.Spills))
		}
		if x.Registers > 0 {
			words = append(words, fmt.Sprint(x.Registers))
		}
		words = append(words, fmt.Sprintf("%.1f K", float64(x.Code)/1024))
	}
	text := strings.Join(words, ", ")
	if !x.Fits {
		return "(" + text + ")"
	}
	return text
}

// loopTable writes the multiply-adds per vector instruction in the inner loops of tiles. Those of statistics and sums are the same as those of gather.
func loopTable(b *strings.Builder, all []result) {
	shared := all[0].vendor == "amd"
	b.WriteString("\n### Inner loops\n\n" + loopPreface + "\n| kernel |")
	if shared {
		b.WriteString(" shared |")
	}
	columns := 0
	for _, r := range all {
		for _, name := range r.loops() {
			fmt.Fprintf(b, " %s |", name)
			columns++
		}
	}
	if shared {
		columns++
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", columns) + "\n")
	for i, x := range all[0].rows {
		if x.Loop.Vector == 0 || strings.Contains(x.Shader, ".stats_") || strings.Contains(x.Shader, ".sums_") {
			continue
		}
		fmt.Fprintf(b, "| %s |", kernelLabel(x.Shader))
		switch {
		case shared && x.Loop.Matrix > 0:
			b.WriteString(" |")
		case shared:
			fmt.Fprintf(b, " %.1f |", float64(x.Loop.Shared)/float64(x.Loop.FMA))
		}
		for _, r := range all {
			fmt.Fprintf(b, " %s |", r.rows[i].Loop.cell())
			if r.pairs {
				fmt.Fprintf(b, " %s |", r.rows[i].Narrow.cell())
			}
		}
		b.WriteString("\n")
	}
}

// loops returns the heads of a GPU's columns in the table of loops.
func (g gpu) loops() []string {
	if g.pairs {
		return []string{g.name, g.name + ", 32 lanes"}
	}
	return []string{g.name}
}

func (l loop) cell() string {
	switch {
	case l.Vector == 0:
		return "–"
	case l.Matrix > 0:
		return fmt.Sprintf("%d matrices / %d, %d", l.Matrix, l.Vector, l.Cycles)
	case l.Pairs > 0:
		return fmt.Sprintf("%d / %d, %d pairs, %d", l.FMA, l.Vector, l.Pairs, l.Cycles)
	}
	return fmt.Sprintf("%d / %d = %.0f %%, %d", l.FMA, l.Vector, 100*float64(l.FMA)/float64(l.Vector), l.Cycles)
}
