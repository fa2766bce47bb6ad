// Package shaders holds the compute shaders: GLSL in <op>.comp and *.glsl, and the SPIR-V that tools/mkshaders made of it in
// spv/, embedded here, so that building the program needs no shader compiler.
//
//	shaders/<op>.comp  --(go run ./tools/mkshaders: package compile)-->  shaders/spv/<name>.spv  --(go:embed)-->  SPIRV(name)
//
// A source without variant lines yields one shader, named after its file. Lines of the form
//
//	//! variant <v> -DTM=16 -DVEC=1
//
// yield one shader each, named <op>.<v>, compiled with these macros; the line
//
//	//! target vulkan1.1
//
// raises the target environment of a source (vulkan1.0 unless said).
package shaders

import (
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed spv
var files embed.FS

// magic is the first word of every SPIR-V module (SPIR-V specification, section 2.3).
const magic = 0x07230203

// SPIRV returns the words of a shader, by the name package documentation gives. An unknown name is an error that lists the
// known ones. The caller owns the slice.
func SPIRV(name string) ([]uint32, error) {
	raw, err := files.ReadFile("spv/" + name + ".spv")
	if err != nil {
		return nil, fmt.Errorf("shaders: no shader %q: known are %s: add it to shaders/ and run go run ./tools/mkshaders",
			name, strings.Join(Names(), ", "))
	}
	if len(raw) < 20 || len(raw)%4 != 0 || binary.LittleEndian.Uint32(raw) != magic {
		return nil, fmt.Errorf("shaders: %s: %d bytes that are no SPIR-V module: run go run ./tools/mkshaders", name, len(raw))
	}
	code := make([]uint32, len(raw)/4)
	for i := range code {
		code[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return code, nil
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
