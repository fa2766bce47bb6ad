package kernels

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/marr-ssl/marr/shaders"
)

// constants are the push constants of a dispatch, by the names that the shader gives them: an int or bool for an int or uint, a float64 for a
// float, a [4]float64 for a vec4.
type constants map[string]any

// pack returns the push-constant block of a kernel. It panics with a *BuildError if the names or types are not those of the shader.
func (c constants) pack(kernel string) []uint32 {
	block, err := pushBlock(kernel)
	if err != nil {
		misuse(kernel, "%v", err)
	}
	var words []uint32
	for _, m := range block {
		for len(words) < m.Offset/4 {
			words = append(words, 0)
		}
		v, ok := m.words(c[m.Name])
		if !ok {
			c.mismatch(kernel, block)
		}
		words = append(words, v...)
	}
	if len(c) != len(block) {
		c.mismatch(kernel, block)
	}
	return words
}

// member is a push constant of a shader.
type member shaders.Member

// words returns v as the member's type, and false if v has another type.
func (m member) words(v any) ([]uint32, bool) {
	switch v := v.(type) {
	case int:
		return []uint32{uint32(v)}, m.Type == "int" || m.Type == "uint"
	case bool:
		if v {
			return []uint32{1}, m.Type == "uint"
		}
		return []uint32{0}, m.Type == "uint"
	case float64:
		return []uint32{math.Float32bits(float32(v))}, m.Type == "float"
	case [4]float64:
		out := make([]uint32, 4)
		for i, x := range v {
			out[i] = math.Float32bits(float32(x))
		}
		return out, m.Type == "vec4"
	}
	return nil, false
}

func (c constants) mismatch(kernel string, block []member) {
	var want, got []string
	for _, m := range block {
		want = append(want, m.Type+" "+m.Name)
	}
	for name, v := range c {
		got = append(got, fmt.Sprintf("%T %s", v, name))
	}
	slices.Sort(want)
	slices.Sort(got)
	misuse(kernel, "its push constants are (%s), the op passes (%s)", strings.Join(want, ", "), strings.Join(got, ", "))
}

// blocks caches the push-constant blocks by kernel, since reading one parses SPIR-V.
var blocks sync.Map

// pushBlock returns the push-constant block of a kernel, which is the same for every input access.
func pushBlock(kernel string) ([]member, error) {
	if b, ok := blocks.Load(kernel); ok {
		return b.([]member), nil
	}
	name, _, err := shaderOf(kernel, InputAccessModes[0])
	if err != nil {
		return nil, err
	}
	list, err := shaders.PushConstants(name)
	if err != nil {
		return nil, err
	}
	var block []member
	for _, m := range list {
		block = append(block, member(m))
	}
	blocks.Store(kernel, block)
	return block, nil
}
