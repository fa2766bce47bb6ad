package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// loop counts the instructions of a loop's body. FMA: multiply-adds, two for a dot product of two halves; Matrix: products of matrices; Vector: vector
// instructions (arithmetic, shared and global memory); Pairs: those that issue two operations (v_dual); Shared: bytes of shared memory that a lane reads and writes.
// Cycles is what the compiler estimates for the whole shader.
type loop struct{ FMA, Matrix, Vector, Pairs, Shared, Cycles int }

func (l *loop) add(m loop) {
	l.FMA, l.Matrix, l.Vector, l.Pairs, l.Shared = l.FMA+m.FMA, l.Matrix+m.Matrix, l.Vector+m.Vector, l.Pairs+m.Pairs, l.Shared+m.Shared
}

// products returns the numbers by which the loop over the terms of a sum is found.
func (l loop) products() int { return l.FMA + 16*16*l.Matrix }

// block is a basic block of RADV's assembly.
type block struct {
	loop
	next []int // blocks that may follow
}

var (
	label  = regexp.MustCompile(`^(BB\d+):`)
	vector = regexp.MustCompile(`^(v|ds|buffer|global|scratch)_`)
	fused  = regexp.MustCompile(`_(fma|fmac|fmaak|fmamk|mac|mad)_f32`)
	shared = regexp.MustCompile(`^ds_(?:read|load|write|store)(2|_2addr)?(?:st64|_stride64)?_b(\d+)`)
)

// amdLoop returns the loop with the most products in RADV's assembly: blocks from each of which all of them can be reached. Instructions with two halves
// (v_dual_*) count as one, their multiply-adds as two. Loops within a loop belong to it.
func amdLoop(assembly string) (longest loop) {
	blocks := parseBlocks(assembly)
	behind := make([]map[int]bool, len(blocks))
	for i := range blocks {
		behind[i] = reachable(blocks, i)
	}
	for i := range blocks {
		var l loop
		for n := range behind[i] {
			if behind[n][i] {
				l.add(blocks[n].loop)
			}
		}
		if l.products() > longest.products() {
			longest = l
		}
	}
	return longest
}

// reachable returns the blocks that may follow one, directly or not.
func reachable(blocks []block, from int) map[int]bool {
	in := map[int]bool{}
	for open := slices.Clone(blocks[from].next); len(open) > 0; {
		n := open[len(open)-1]
		open = open[:len(open)-1]
		if !in[n] {
			in[n] = true
			open = append(open, blocks[n].next...)
		}
	}
	return in
}

func parseBlocks(assembly string) []block {
	lines := strings.Split(assembly, "\n")
	index := map[string]int{}
	for _, line := range lines {
		if m := label.FindStringSubmatch(line); m != nil {
			index[m[1]] = len(index)
		}
	}
	blocks := make([]block, len(index))
	at, falls := -1, false
	for _, line := range lines {
		if m := label.FindStringSubmatch(line); m != nil {
			if falls {
				blocks[at].next = append(blocks[at].next, at+1)
			}
			at, falls = at+1, true
			continue
		}
		words := strings.Fields(line)
		if at < 0 || len(words) == 0 {
			continue
		}
		b := &blocks[at]
		switch op := words[0]; {
		case vector.MatchString(op):
			b.add(instruction(op, line))
		case strings.HasPrefix(op, "s_cbranch") || op == "s_branch":
			if to, ok := index[words[1]]; ok {
				b.next = append(b.next, to)
			}
			falls = falls && op != "s_branch"
		case op == "s_endpgm":
			falls = false
		}
	}
	return blocks
}

// instruction returns the counts of a vector instruction.
func instruction(op, line string) loop {
	l := loop{Vector: 1, FMA: len(fused.FindAllString(line, -1))}
	switch {
	case strings.HasPrefix(op, "v_dual_"):
		l.Pairs = 1
	case strings.HasPrefix(op, "v_dot2"):
		l.FMA = 2
	case strings.HasPrefix(op, "v_wmma_"):
		l.Matrix = 1
	}
	if m := shared.FindStringSubmatch(op); m != nil {
		bits, _ := strconv.Atoi(m[2])
		l.Shared = bits / 8
		if m[1] != "" { // two places
			l.Shared *= 2
		}
	}
	return l
}
