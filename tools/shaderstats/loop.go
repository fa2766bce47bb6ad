package main

import (
	"regexp"
	"strings"
)

// block is a basic block of RADV's assembly.
type block struct {
	fma, vector int
	next        []int // blocks that may follow
}

var (
	label  = regexp.MustCompile(`^(BB\d+):`)
	vector = regexp.MustCompile(`^(v|ds|buffer|global|scratch)_`)
	fused  = regexp.MustCompile(`_(fma|fmac|fmaak|fmamk|mac|mad)_f32`)
)

// longestLoop returns the multiply-adds and all vector instructions (arithmetic, shared and global memory) of the loop with the most multiply-adds, once
// each. Instructions with two halves (v_dual_*) count as one, their multiply-adds as two.
func longestLoop(assembly string) (fma, all int) {
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
			var f, v int
			for n := range natural(before, head, i) {
				f, v = f+blocks[n].fma, v+blocks[n].vector
			}
			if f > fma {
				fma, all = f, v
			}
		}
	}
	return fma, all
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
			b.vector++
			b.fma += len(fused.FindAllString(line, -1))
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
