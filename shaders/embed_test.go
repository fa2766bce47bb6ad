package shaders

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/shaders/compile"
)

func TestSPIRVAgreesWithSources(t *testing.T) {
	bad, err := compile.Check(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range bad {
		t.Errorf("%s %s: run go run ./tools/mkshaders", p.Name, p.What)
	}
}

// If the compiler of the manifest is installed, it must write the same bytes again. With -short the test compiles every ninth shader.
func TestSPIRVIsReproducible(t *testing.T) {
	version, err := compile.Version()
	if err != nil {
		t.Log("glslc is not installed: only the hashes were compared")
		return
	}
	list, err := compile.Scan(".")
	if err != nil {
		t.Fatal(err)
	}
	m, err := compile.ReadManifest(".")
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() { // glslc takes about 0.1 s for each shader, and another flag or compiler would change all of them
		step = 9
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, s := range list {
		e := m[s.Name]
		if e.Compiler != version || e.Key != s.Key || i%step != 0 {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			fresh, err := compile.Compile(".", s)
			if err != nil {
				t.Error(err)
				return
			}
			kept, err := files.ReadFile("spv/" + s.Name + ".spv")
			if err != nil {
				t.Error(err)
			} else if !bytes.Equal(fresh, kept) {
				t.Errorf("%s: %s writes other bytes than those in spv/", s.Name, version)
			}
		})
	}
	wg.Wait()
}

func TestEveryShaderKeepsToTheLimits(t *testing.T) {
	if len(Names()) == 0 {
		t.Fatal("no shader is embedded")
	}
	for _, name := range Names() {
		code, err := SPIRV(name)
		if err != nil {
			t.Fatal(err)
		}
		bindings, push := Reflect(code)
		// Every supported device has at least 8 storage buffers and 128 bytes of push constants.
		if bindings < 1 || bindings > 8 || push > 128 {
			t.Errorf("%s: %d bindings and %d bytes of push constants, want 1 to 8 and at most 128", name, bindings, push)
		}
	}
}

// The manifest must name every push constant, of a type that programs can pass, and the last one must end where the block does.
func TestEveryPushConstantHasANameAndAType(t *testing.T) {
	for _, name := range Names() {
		code, err := SPIRV(name)
		if err != nil {
			t.Fatal(err)
		}
		block, err := PushConstants(name)
		if err != nil {
			t.Error(err)
			continue
		}
		end := 0
		for _, m := range block {
			size := map[string]int{"int": 4, "uint": 4, "float": 4, "vec4": 16}[m.Type]
			if size == 0 || m.Name == "" || m.Offset < end {
				t.Errorf("%s: member %+v after byte %d", name, m, end)
			}
			end = m.Offset + size
		}
		if _, bytes := Reflect(code); bytes != end {
			t.Errorf("%s: members end at byte %d, the block at %d", name, end, bytes)
		}
	}
}

func TestUnknownShaderErrorListsTheKnownOnes(t *testing.T) {
	_, err := SPIRV("no-such")
	if err == nil || !strings.Contains(err.Error(), Names()[0]) {
		t.Fatalf("error %v does not list %s", err, Names()[0])
	}
}

// assemble joins instructions (opcode, operands) into a module.
func assemble(instructions ...[]uint32) []uint32 {
	code := []uint32{magic, 0x10000, 0, 100, 0}
	for _, in := range instructions {
		code = append(code, uint32(len(in))<<16|in[0])
		code = append(code, in[1:]...)
	}
	return code
}

func TestReflectMeasuresEveryKindOfMember(t *testing.T) {
	const f32, u32, vec3, mat, arr, n, block, ptr = 1, 2, 3, 4, 5, 6, 7, 8
	head := [][]uint32{
		{opDecorate, 50, decBinding, 2}, {opDecorate, 51, decBinding, 0}, {opDecorate, arr, decArrayStride, 8},
		{opTypeFloat, f32, 32}, {opTypeInt, u32, 32, 0}, {opTypeVector, vec3, f32, 3}, {opTypeMatrix, mat, vec3, 2},
		{opConstant, u32, n, 5}, {opTypeArray, arr, u32, n},
	}
	for _, c := range []struct {
		name   string
		member uint32
		want   int // the member has offset 16
	}{{"float", f32, 20}, {"vec3", vec3, 28}, {"mat2x3 of stride 16", mat, 48}, {"five of stride 8", arr, 56}} {
		code := assemble(append(head,
			[]uint32{opMemberDecorate, block, 0, decOffset, 0}, []uint32{opMemberDecorate, block, 1, decOffset, 16},
			[]uint32{opMemberDecorate, block, 1, decMatrixStride, 16},
			[]uint32{opTypeStruct, block, u32, c.member}, []uint32{opTypePointer, ptr, storagePushConstant, block},
			[]uint32{opVariable, ptr, 9, storagePushConstant})...)
		if b, p := Reflect(code); b != 3 || p != c.want {
			t.Errorf("%s: %d bindings, %d bytes, want 3, %d", c.name, b, p, c.want)
		}
	}
	if b, p := Reflect(assemble(head...)); b != 3 || p != 0 {
		t.Errorf("no push constants: %d bindings, %d bytes, want 3, 0", b, p)
	}
	for _, code := range [][]uint32{nil, {1, 2, 3, 4, 5, 6}, append(assemble(), 9<<16|opTypeFloat)} {
		if b, p := Reflect(code); b != 0 || p != 0 {
			t.Errorf("malformed code %x: %d bindings, %d bytes, want 0, 0", code, b, p)
		}
	}
}

// The numbers are those in the comments at the top of the sources.
func TestReflectMatchesTheCommentsOfTheViewShaders(t *testing.T) {
	for name, want := range map[string][2]int{
		"views_crop.plain": {4, 16}, "views_finish.plain": {4, 48}, "views_blur.plain": {3, 48}, "views_tiles.plain": {3, 20},
	} {
		code, err := SPIRV(name)
		if err != nil {
			t.Fatal(err)
		}
		if b, p := Reflect(code); b != want[0] || p != want[1] {
			t.Errorf("%s: %d bindings, %d bytes, want %d, %d", name, b, p, want[0], want[1])
		}
	}
}
