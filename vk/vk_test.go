package vk

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// The SPIR-V was made by `glslc --target-env=vulkan1.0 -O testdata/X.comp -o testdata/X.spv` (glslc 2023.2).

//go:embed testdata/saxpy.spv
var saxpySPV []byte

//go:embed testdata/affine.spv
var affineSPV []byte

// dev is the device of all tests that do not change or close it.
var dev *Device

// validated reports that dev is under the validation layer.
var validated bool

// TestMain runs all tests under synchronization validation, and fails on a message that no test provoked and cleared. Without
// MARR_VALIDATION and without the layer on the machine, the tests run without it.
func TestMain(m *testing.M) {
	if names := os.Getenv("MARR_VK_TEST_LIST"); names != "" { // the subprocess of TestNoDeviceSaysWhatToInstall
		libraries = strings.Split(names, ",")
		_, err := List()
		var none *NoDeviceError
		fmt.Println(errors.As(err, &none), err)
		os.Exit(0)
	}
	if os.Getenv("MARR_VALIDATION") == "" {
		os.Setenv("MARR_VALIDATION", "1")
		var e *Error
		if _, err := List(); errors.As(err, &e) && e.Result == resultLayerNotPresent {
			fmt.Fprintln(os.Stderr, err, "to check what these tests record")
			os.Setenv("MARR_VALIDATION", "0")
		}
	}
	validated = ReadSettings().Validation
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if dev, err = Open("", Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := dev.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := CheckValidation(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// needLayer skips a test of the validation layer's messages if the tests run without the layer.
func needLayer(t *testing.T) {
	t.Helper()
	if !validated {
		t.Skip("the tests run without the validation layer: make check installs it")
	}
}

func words(b []byte) []uint32 {
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return w
}

func saxpy(local uint32, scale float32) Kernel {
	return Kernel{Name: "saxpy", Code: words(saxpySPV), Bindings: 2, PushBytes: 8, Spec: []uint32{local, math.Float32bits(scale)}}
}

func affine(mul uint32) Kernel {
	return Kernel{Name: "affine", Code: words(affineSPV), Bindings: 2, PushBytes: 4, Spec: []uint32{64, mul}}
}

func push(v ...any) []byte {
	var b []byte
	for _, x := range v {
		var err error
		if b, err = binary.Append(b, binary.NativeEndian, x); err != nil {
			panic(err)
		}
	}
	return b
}

// bytesOf returns the memory of s.
func bytesOf[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func newBuffer(t testing.TB, d *Device, words int, m Memory) *Buffer {
	t.Helper()
	b := must[*Buffer](t)(d.NewBuffer(int64(4*words), m, "test"))
	t.Cleanup(b.Free)
	return b
}

// newWords makes a device-local buffer that holds w.
func newWords(t testing.TB, d *Device, w []uint32) *Buffer {
	t.Helper()
	b := newBuffer(t, d, len(w), DeviceLocal)
	if err := d.Write(b.All(), bytesOf(w)); err != nil {
		t.Fatal(err)
	}
	return b
}

func readWords(t testing.TB, d *Device, r Range) []uint32 {
	t.Helper()
	w := make([]uint32, r.Size/4)
	if err := d.Read(bytesOf(w), r); err != nil {
		t.Fatal(err)
	}
	return w
}

// affineOp is dst = mul·src + add over ranges of at most 64·groups words.
func affineOp(t testing.TB, d *Device, dst, src Range, mul, add uint32) Dispatch {
	t.Helper()
	p := must[*Pipeline](t)(d.Pipeline(affine(mul)))
	return Dispatch{Pipeline: p, Bindings: []Binding{{Range: src, Access: Read}, {Range: dst, Access: Write}}, Push: push(add), Groups: [3]uint32{uint32(dst.Size/4+63) / 64, 1, 1}}
}

func end(t testing.TB, r *Recorder) *Segment {
	t.Helper()
	s := must[*Segment](t)(r.End())
	t.Cleanup(s.Free)
	return s
}

func runSegments(t testing.TB, d *Device, segs ...*Segment) {
	t.Helper()
	if err := must[*Ticket](t)(d.Submit(segs...)).Wait(); err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}

func TestSpecializationAndPushConstantsReachTheShader(t *testing.T) {
	const n = 1000 // not a multiple of the group size
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], y[i] = float32(i), 1
	}
	bx, by := newBuffer(t, dev, n, Upload), newBuffer(t, dev, n, Readback)
	copy(bx.Bytes(), bytesOf(x))
	if err := dev.Write(by.All(), bytesOf(y)); err != nil {
		t.Fatal(err)
	}
	p := must[*Pipeline](t)(dev.Pipeline(saxpy(32, 2)))
	r := dev.NewRecorder()
	r.Dispatch(Dispatch{Pipeline: p, Bindings: []Binding{{Range: bx.All(), Access: Read}, {Range: by.All(), Access: ReadWrite}}, Push: push(uint32(n-1), float32(3)), Groups: [3]uint32{(n + 31) / 32, 1, 1}})
	runSegments(t, dev, end(t, r))
	got := unsafe.Slice((*float32)(unsafe.Pointer(&by.Bytes()[0])), n)
	for i := range got {
		want := 1 + 2*3*float32(i)
		if i == n-1 { // beyond the pushed n
			want = 1
		}
		if got[i] != want { // small integers: exact
			t.Fatalf("y[%d] = %v, want %v", i, got[i], want)
		}
	}
}

func TestPipelineIsReusedByNameAndConstants(t *testing.T) {
	get := func(k Kernel) *Pipeline { return must[*Pipeline](t)(dev.Pipeline(k)) }
	if get(saxpy(32, 2)) != get(saxpy(32, 2)) {
		t.Error("the same name and constants give two pipelines")
	}
	if get(saxpy(32, 2)) == get(saxpy(32, 4)) {
		t.Error("different constants give one pipeline")
	}
	k := affine(1)
	k.Name, k.Spec = "saxpy", saxpy(32, 2).Spec
	_, err := dev.Pipeline(k)
	wantError(t, err, "saxpy", "another kernel has the same name")
}

func TestPipelineRejectsKernelsBeyondTheLimits(t *testing.T) {
	k := affine(1)
	k.Bindings = int(dev.Info().Limits.StorageBuffersPerStage) + 1
	_, err := dev.Pipeline(k)
	wantError(t, err, "affine", "bindings")
	k = affine(1)
	k.PushBytes = int(dev.Info().Limits.PushConstants) + 4
	_, err = dev.Pipeline(k)
	wantError(t, err, "affine", "push constants")
	k = affine(1)
	k.Code = []uint32{1, 2, 3, 4, 5, 6}
	_, err = dev.Pipeline(k)
	wantError(t, err, "affine", "not SPIR-V")
}

func TestBindingCoversExactlyItsRange(t *testing.T) {
	const guard = 0xdeadbeef
	align := int(dev.Info().Limits.StorageAlign / 4)
	n := 4 * align
	src := make([]uint32, n)
	for i := range src {
		src[i] = uint32(i)
	}
	a, b := newWords(t, dev, src), newBuffer(t, dev, n, DeviceLocal)
	from := Range{a, int64(4 * align), int64(4 * align)}
	to := Range{b, int64(8 * align), int64(4 * align)}
	next := Range{b, int64(4 * align), int64(4 * align)} // another offset in the same recording
	r := dev.NewRecorder()
	r.Fill(b.All(), guard)
	op := affineOp(t, dev, to, from, 1, 7)
	op.Groups[0] = 4 // more threads than elements: only the bound length holds them back
	r.Dispatch(op)
	r.Dispatch(affineOp(t, dev, next, from, 1, 9))
	runSegments(t, dev, end(t, r))
	for i, v := range readWords(t, dev, b.All()) {
		want := uint32(guard)
		switch i / align {
		case 1:
			want = uint32(i) + 9
		case 2:
			want = uint32(i-align) + 7
		}
		if v != want {
			t.Fatalf("word %d = %#x, want %#x", i, v, want)
		}
	}
}

// TestListDescribesTheDevices checks the guaranteed minima of the Vulkan specification (table "Required Limits").
func TestListDescribesTheDevices(t *testing.T) {
	infos := must[[]Info](t)(List())
	for i, x := range infos {
		l := x.Limits
		if x.Index != i || x.Name == "" || len(x.UUID) != 32 || !strings.HasPrefix(x.API, "1.") {
			t.Errorf("device %d: %+v", i, x)
		}
		if l.WorkGroupInvocations < 128 || l.SharedMemory < 16384 || l.StorageRange < 1<<27 || l.PushConstants < 128 || l.WorkGroupCount[2] < 65535 ||
			l.StorageAlign < 1 || l.MaxAllocation < 1<<27 || l.DeviceMemory <= 0 {
			t.Errorf("device %d: limits below the minima: %+v", i, l)
		}
	}
}

func TestNoDeviceSaysWhatToInstall(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Wine does not pass VK_DRIVER_FILES on")
	}
	found := strings.Join(libraries, ",")
	for _, c := range []struct{ name, libraries, icd, want string }{
		{"no loader", "libmarr-none.so.1,libmarr-no.so.1", "", "no libmarr-none.so.1 or libmarr-no.so.1 in " + searched + " (libmarr-none.so.1: "},
		{"no loader", "libmarr-none.so.1", "", "install " + loaderSource},
		{"no driver", found, "/dev/null", "install " + driverSource},
		{"the second name", "libmarr-none.so.1," + found, "/dev/null", "install " + driverSource},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "MARR_VALIDATION=0", "MARR_VK_TEST_LIST="+c.libraries)
		if c.icd != "" {
			cmd.Env = append(cmd.Env, "VK_ICD_FILENAMES="+c.icd, "VK_DRIVER_FILES="+c.icd)
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "true vk: no Vulkan device") || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v: %s", c.name, err, out)
		}
	}
}

func TestDeviceIsChosenByTypeIndexOrName(t *testing.T) {
	mk := func(i int, name string, ty DeviceType, buffers uint32) *physical {
		return &physical{Info: Info{Index: i, Name: name, Type: ty, Limits: Limits{StorageBuffersPerStage: buffers}}}
	}
	all := []*physical{mk(0, "llvmpipe", CPU, 8), mk(1, "Old GPU", Discrete, 4), mk(2, "Graphics 630", Integrated, 8), mk(3, "Radeon A", Discrete, 8), mk(4, "Radeon B", Discrete, 8)}
	for _, c := range []struct {
		selector, env string
		want          int
		errs          []string
	}{
		{"", "", 3, nil}, // 1 binds too few buffers
		{"2", "", 2, nil},
		{"", "0", 0, nil},
		{"radeon b", "0", 4, nil},
		{"", "LLVM", 0, nil},
		{"radeon", "", 0, []string{`"radeon"`, "fits 2", `3 "Radeon A" (discrete)`, `0 "llvmpipe" (cpu)`}},
		{"voodoo", "", 0, []string{`device "voodoo"`, `4 "Radeon B"`}},
		{"", "voodoo", 0, []string{`MARR_DEVICE "voodoo"`}},
		{"5", "", 0, []string{"no such index", `4 "Radeon B"`}},
		{"-1", "", 0, []string{"no such index"}},
	} {
		p, err := choose(all, c.selector, c.env)
		if c.errs != nil {
			wantError(t, err, c.errs...)
		} else if err != nil || p.Index != c.want {
			t.Errorf("choose(%q, %q): %v, %v, want device %d", c.selector, c.env, p, err, c.want)
		}
	}
	wantError(t, checkUsable(all[1]), "Old GPU", "4 storage buffers", "8 are needed")
	t.Setenv("MARR_DEVICE", "no device of the environment")
	_, err := Open("", Options{})
	wantError(t, err, "MARR_DEVICE \"no device of the environment\"")
	_, err = Open("no such device", Options{})
	wantError(t, err, dev.Info().Name)
}

func TestInUseCountsTheBuffersThatAreAlive(t *testing.T) {
	before := dev.InUse()
	b, err := dev.NewBuffer(1<<20, DeviceLocal, "counted")
	if err != nil {
		t.Fatal(err)
	}
	if n := dev.InUse() - before; n < 1<<20 || n > 2<<20 {
		t.Errorf("a buffer of 1 MiB added %d bytes", n)
	}
	b.Free()
	if n := dev.InUse(); n != before {
		t.Errorf("%d bytes after Free, want %d", n, before)
	}
}
