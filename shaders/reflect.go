package shaders

import "fmt"

// SPIR-V numbers that parse reads (SPIR-V specification 1.3, sections 3.7, 3.20 and 3.32).
const (
	opTypeInt, opTypeFloat, opTypeVector, opTypeMatrix = 21, 22, 23, 24
	opTypeArray, opTypeStruct, opTypePointer           = 28, 30, 32
	opConstant, opVariable                             = 43, 59
	opDecorate, opMemberDecorate                       = 71, 72

	decArrayStride, decMatrixStride, decBinding, decOffset = 6, 7, 33, 35

	storagePushConstant = 9
)

// module holds the declarations that determine the layout of a push-constant block, by result id.
type module struct {
	bindings int                             // highest binding + 1
	push     uint32                          // struct type of the push-constant block; 0: none
	types    map[uint32][]uint32             // type instructions: opcode, operands after the result id
	consts   map[uint32]uint32               // low word of constants: array lengths
	strides  map[uint32]uint32               // ArrayStride of array types, bytes
	members  map[[2]uint32]map[uint32]uint32 // decorations with one operand of (struct, member)
}

// Reflect returns how many storage buffers a shader binds (its highest binding + 1, all in set 0) and the size of its
// push-constant block in bytes (0 if it has none), rounded up to 4. The compiler removes an unused buffer, so a shader must use
// its last binding. It returns 0, 0 for code that is not SPIR-V.
func Reflect(code []uint32) (bindings int, pushBytes int) {
	m, ok := parse(code)
	if !ok {
		return 0, 0
	}
	return m.bindings, int(m.size(m.push, 0)+3) &^ 3
}

// Member is one member of a push-constant block.
type Member struct {
	Name   string
	Type   string // "int", "uint", "float", "vec4"; "" for any other
	Offset int    // bytes
}

// PushConstants returns the push-constant block of a shader: names from the manifest, types and offsets from the SPIR-V.
func PushConstants(name string) ([]Member, error) {
	code, err := SPIRV(name)
	if err != nil {
		return nil, err
	}
	names, err := pushNames(name)
	if err != nil {
		return nil, err
	}
	m, _ := parse(code)
	block := m.types[m.push]
	if have := max(len(block)-1, 0); have != len(names) {
		return nil, fmt.Errorf("shaders: %s has %d push constants and the manifest names %d: run go run ./tools/mkshaders", name, have, len(names))
	}
	out := make([]Member, len(names))
	for i, n := range names {
		out[i] = Member{n, m.typeName(block[i+1]), int(m.members[[2]uint32{m.push, uint32(i)}][decOffset])}
	}
	return out, nil
}

// parse reads the instructions that determine the bindings and the push-constant block. It returns false for code that is not SPIR-V.
func parse(code []uint32) (m module, ok bool) {
	m = module{types: map[uint32][]uint32{}, consts: map[uint32]uint32{}, strides: map[uint32]uint32{}, members: map[[2]uint32]map[uint32]uint32{}}
	if len(code) < 5 || code[0] != magic {
		return m, false
	}
	for at := 5; at < len(code); {
		n, op := int(code[at]>>16), code[at]&0xffff
		if n == 0 || at+n > len(code) {
			return m, false
		}
		arg := code[at+1 : at+n]
		switch {
		case op == opDecorate && len(arg) == 3 && arg[1] == decBinding:
			m.bindings = max(m.bindings, int(arg[2])+1)
		case op == opDecorate && len(arg) == 3 && arg[1] == decArrayStride:
			m.strides[arg[0]] = arg[2]
		case op == opMemberDecorate && len(arg) == 4:
			key := [2]uint32{arg[0], arg[1]}
			if m.members[key] == nil {
				m.members[key] = map[uint32]uint32{}
			}
			m.members[key][arg[2]] = arg[3]
		case op >= opTypeInt && op <= opTypePointer && len(arg) > 0:
			m.types[arg[0]] = append([]uint32{op}, arg[1:]...)
		case op == opConstant && len(arg) >= 3:
			m.consts[arg[1]] = arg[2]
		case op == opVariable && len(arg) >= 3 && arg[2] == storagePushConstant:
			if pointer := m.types[arg[0]]; len(pointer) == 3 { // types come before variables
				m.push = pointer[2]
			}
		}
		at += n
	}
	return m, true
}

// typeName returns the GLSL name of a type that push constants may have, "" for others.
func (m module) typeName(id uint32) string {
	t := m.types[id]
	switch {
	case len(t) == 3 && t[0] == opTypeInt && t[2] == 0:
		return "uint"
	case len(t) == 3 && t[0] == opTypeInt:
		return "int"
	case len(t) >= 2 && t[0] == opTypeFloat:
		return "float"
	case len(t) == 3 && t[0] == opTypeVector && t[2] == 4 && m.typeName(t[1]) == "float":
		return "vec4"
	}
	return ""
}

// size returns the size of a type in bytes. matrixStride is the stride of a matrix's columns.
func (m module) size(id, matrixStride uint32) uint32 {
	t := m.types[id]
	if len(t) == 0 {
		return 0
	}
	switch t[0] {
	case opTypeInt, opTypeFloat:
		return t[1] / 8
	case opTypeVector:
		return t[2] * m.size(t[1], 0)
	case opTypeMatrix:
		return t[2] * matrixStride
	case opTypeArray:
		return m.consts[t[2]] * m.strides[id]
	case opTypeStruct:
		end := uint32(0)
		for i, member := range t[1:] {
			d := m.members[[2]uint32{id, uint32(i)}]
			end = max(end, d[decOffset]+m.size(member, d[decMatrixStride]))
		}
		return end
	}
	return 0
}

// HalfBindings returns the set of bindings that may have halves (io.glsl), bit i for binding i: texel buffers, whose views convert, and those that the
// shader declares twice, with floats and with halves.
func HalfBindings(code []uint32) (set uint32) {
	var once uint32
	for at := 5; at < len(code); {
		n, op := int(code[at]>>16), code[at]&0xffff
		if n == 0 || at+n > len(code) {
			return 0
		}
		if op == opDecorate && n == 4 && code[at+2] == decBinding {
			bit := uint32(1) << code[at+3]
			set |= once & bit
			once |= bit
		}
		at += n
	}
	return set | TexelBindings(code)
}

// UsesMatrices reports whether a shader needs a device with cooperative matrices.
func UsesMatrices(code []uint32) bool { return uses(code, 6022) } // CooperativeMatrixKHR

// UsesDots reports whether a shader needs a device with dot products of halves that are added to floats.
func UsesDots(code []uint32) bool { return uses(code, 6912) } // DotProductFloat16AccFloat32VALVE

// uses reports whether a shader declares a capability of SPIR-V.
func uses(code []uint32, capability uint32) bool {
	const opCapability = 17
	for at := 5; at+1 < len(code) && code[at]&0xffff == opCapability; at += int(code[at] >> 16) { // capabilities come first
		if code[at+1] == capability {
			return true
		}
	}
	return false
}

// TexelBindings returns the set of bindings that are uniform texel buffers, bit i for binding i. They are the variables of storage class
// UniformConstant, since no shader of this package has others of that class.
func TexelBindings(code []uint32) (set uint32) {
	const uniformConstant = 0
	binding := map[uint32]uint32{}
	for at := 5; at < len(code); {
		n, op := int(code[at]>>16), code[at]&0xffff
		if n == 0 || at+n > len(code) {
			return 0
		}
		arg := code[at+1 : at+n]
		switch {
		case op == opDecorate && len(arg) == 3 && arg[1] == decBinding:
			binding[arg[0]] = arg[2]
		case op == opVariable && len(arg) >= 3 && arg[2] == uniformConstant:
			set |= 1 << binding[arg[1]] // decorations come before variables
		}
		at += n
	}
	return set
}
