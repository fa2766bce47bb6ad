// Package shaders holds the compute shaders: GLSL in <op>.comp and *.glsl, and the SPIR-V that tools/mkshaders makes of it in spv/. The
// SPIR-V is embedded, so that a build of the program needs no shader compiler.
//
//	shaders/<op>.comp  --(go run ./tools/mkshaders: package compile)-->  shaders/spv/<name>.spv  --(go:embed)-->  SPIRV(name)
//
// A source without variant lines gives one shader with the name of its file. Lines of the form
//
//	//! variant <v> -DTM=16 -DVEC=1
//
// give one shader each, named <op>.<v> and compiled with these macros. The line
//
//	//! target vulkan1.1
//
// sets the target environment of a source; the default is vulkan1.0. The line
//
//	//! needs GL_KHR_cooperative_matrix
//
// names a GLSL extension that older compilers lack. If the installed glslc does, such a source is compiled by the command in MARR_GLSLC. So is one with
//
//	//! needs SPV_VALVE_mixed_float_dot_product 6912
//
// if the installed glslc lacks the capability of that number, which comes with the SPIR-V extension.
package shaders

import (
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

//go:embed spv
var files embed.FS

// magic is the first word of every SPIR-V module (SPIR-V specification, section 2.3).
const magic = 0x07230203

// SPIRV returns the words of the shader with the given name (see the package comment). An unknown name is an error that lists the known
// ones. The caller owns the slice.
func SPIRV(name string) ([]uint32, error) {
	raw, err := files.ReadFile("spv/" + name + ".spv")
	if err != nil {
		return nil, fmt.Errorf("shaders: no shader %q: known are %s: add it to shaders/ and run go run ./tools/mkshaders",
			name, strings.Join(Names(), ", "))
	}
	if len(raw) < 20 || len(raw)%4 != 0 || binary.LittleEndian.Uint32(raw) != magic {
		return nil, fmt.Errorf("shaders: %s: the file (%d bytes) is not a SPIR-V module: run go run ./tools/mkshaders", name, len(raw))
	}
	code := make([]uint32, len(raw)/4)
	for i := range code {
		code[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return code, nil
}

// manifest holds the part of spv/manifest.json that programs read; package compile writes it.
var manifest = sync.OnceValues(func() (m map[string]struct{ Push string }, err error) {
	raw, err := files.ReadFile("spv/manifest.json")
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	return m, err
})

// pushNames returns the names of a shader's push constants, in order.
func pushNames(name string) ([]string, error) {
	m, err := manifest()
	if err != nil {
		return nil, fmt.Errorf("shaders: manifest: %w: run go run ./tools/mkshaders", err)
	}
	return strings.Fields(m[name].Push), nil
}

// Names returns the names of all shaders, sorted.
func Names() []string {
	paths, err := fs.Glob(files, "spv/*.spv")
	if err != nil { // only a malformed pattern is an error
		panic(err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(p, "spv/"), ".spv")
	}
	return paths
}
