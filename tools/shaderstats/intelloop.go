package main

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	intelLabel       = regexp.MustCompile(`^(LABEL\d+):`)
	intelInstruction = regexp.MustCompile(`^(?:\([^)]*\)\s*)?([a-z][a-z0-9]*)[a-z0-9.]*\((\d+)\)`)
	intelJump        = regexp.MustCompile(`JIP:\s+(LABEL\d+)`)
)

// intelLoop returns the loop with the most products in the assembly of Intel's compiler, which lies between a label and the "while" that jumps to it.
// An instruction of one or two lanes is not a vector instruction, nor is a jump. Shared memory is not told from other memory.
func intelLoop(assembly string) (longest loop) {
	var total loop // of the instructions so far
	before := map[string]loop{}
	for line := range strings.Lines(assembly) {
		if m := intelLabel.FindStringSubmatch(line); m != nil {
			before[m[1]] = total
			continue
		}
		m := intelInstruction.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		switch jump := intelJump.FindStringSubmatch(line); {
		case m[1] == "while" && jump != nil:
			first := before[jump[1]]
			l := loop{FMA: total.FMA - first.FMA, Matrix: total.Matrix - first.Matrix, Vector: total.Vector - first.Vector}
			if l.products() >= longest.products() { // the outer one comes last
				longest = l
			}
		case jump == nil:
			if lanes, _ := strconv.Atoi(m[2]); lanes > 2 {
				total.Vector++
			}
			switch {
			case m[1] == "mad" && strings.Contains(line, ">F "):
				total.FMA++
			case m[1] == "dpas":
				total.Matrix++
			}
		}
	}
	return longest
}
