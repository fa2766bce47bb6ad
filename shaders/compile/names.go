package compile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// SPIR-V numbers (SPIR-V specification 1.3, section 3.32).
const (
	opMemberName, opTypeStruct, opTypePointer, opVariable = 6, 30, 32, 59

	storagePushConstant = 9
)

// pushNames returns the names of a shader's push-constant members in order, for Entry.Push.
func pushNames(dir string, s Shader) (string, error) {
	code, err := glslc(dir, s, "-O0")
	if err != nil {
		return "", err
	}
	names := memberNames(code)
	for i, n := range names {
		if n == "" {
			return "", fmt.Errorf("compile: %s: push constant %d has no name", s.Name, i)
		}
	}
	return strings.Join(names, " "), nil
}

// memberNames returns the member names of the push-constant block of SPIR-V that includes names.
func memberNames(code []byte) []string {
	words := make([]uint32, len(code)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(code[4*i:])
	}
	type member struct{ block, index uint32 }
	names, members, pointers := map[member]string{}, map[uint32]int{}, map[uint32]uint32{}
	for at := 5; at < len(words); {
		n := int(words[at] >> 16)
		if n == 0 || at+n > len(words) {
			return nil
		}
		arg := words[at+1 : at+n]
		switch words[at] & 0xffff {
		case opMemberName:
			text, _, _ := bytes.Cut(code[4*(at+3):4*(at+n)], []byte{0})
			names[member{arg[0], arg[1]}] = string(text)
		case opTypeStruct:
			members[arg[0]] = len(arg) - 1
		case opTypePointer:
			pointers[arg[0]] = arg[2]
		case opVariable:
			if arg[2] != storagePushConstant {
				break
			}
			block := pointers[arg[0]]
			out := make([]string, members[block])
			for i := range out {
				out[i] = names[member{block, uint32(i)}]
			}
			return out
		}
		at += n
	}
	return nil
}
