package main

import (
	"regexp"
	"strconv"
	"strings"
)

// A loop holds the counts of a loop's instructions, once each: multiply-adds; vector instructions (arithmetic, shared and global memory), and those with
// two halves; the bytes of shared memory that a lane reads and writes. Cycles are those of the whole shader, as its compiler estimates them.
type loop struct{ FMA, Vector, Pairs, Shared, Cycles int }

func (l *loop) add(m loop) {
	l.FMA, l.Vector, l.Pairs, l.Shared = l.FMA+m.FMA, l.Vector+m.Vector, l.Pairs+m.Pairs, l.Shared+m.Shared
}

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

// amdLoop returns the loop with the most multiply-adds in RADV's assembly. Instructions with two halves (v_dual_*) count as one, their multiply-adds as two.
func amdLoop(assembly string) (longest loop) {
	blocks := parseBlocks(assembly)
	before := make([][]int, len(blocks))
	for i, b := range blocks {
		for _, n := range b.next {
			before[n] = append(before[n], i)
		}
	}
	for i, b := range blocks {
		for _, head := range b.next {
			if head > i {
				continue
			}
			var l loop
			for n := range natural(before, head, i) {
				l.add(blocks[n].loop)
			}
			if l.FMA > longest.FMA {
				longest = l
			}
		}
	}
	return longest
}

// natural returns the blocks from which a loop's last block can be reached without its head, and the head.
func natural(before [][]int, head, last int) map[int]bool {
	in := map[int]bool{head: true}
	for open := []int{last}; len(open) > 0; {
		n := open[len(open)-1]
		open = open[:len(open)-1]
		if !in[n] {
			in[n] = true
			open = append(open, before[n]...)
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
	if strings.HasPrefix(op, "v_dual_") {
		l.Pairs = 1
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
