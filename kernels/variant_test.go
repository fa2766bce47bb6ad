package kernels_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// buildConvNorm builds convolution, batch norm and their backward on a store. It returns the program and the gradient dw after one run.
func buildConvNorm(t *testing.T, st *kernels.Store) (*kernels.Program, []float32) {
	t.Helper()
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // the eager twin has no times
	w := st.Param("w", func() []float32 { return ramp(40 * 9 * 8) }, 40, 3, 3, 8)
	n := kernels.Norm{Eps: 1e-5, BNMomentum: 0.1, Mean: st.State("mean", 0, 40), Var: st.State("var", 1, 40),
		Gamma: st.Param("gamma", func() []float32 { return ramp(40) }, 40), Beta: st.Param("beta", func() []float32 { return ramp(40) }, 40)}
	p, err := kernels.Build(device, st, func(g *kernels.Graph) {
		g.EnableTiming()
		x := g.Input("x", kernels.F32, 6, 8, 8, 8).Track()
		y := kernels.BatchNorm(kernels.Conv2D(x, w, 1, 1), n, nil, true, true)
		g.ClearGrads()
		g.BackwardFrom(y, g.Input("dy", kernels.F32, y.Shape()...))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	runConvNorm(t, p)
	dw, err := w.ReadGrad()
	if err != nil {
		t.Fatal(err)
	}
	return p, dw
}

func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%13)/6 - 1
	}
	return v
}

func runConvNorm(t *testing.T, p *kernels.Program) []kernels.OpTime {
	t.Helper()
	r, err := p.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	copy(r.Floats("x"), ramp(len(r.Floats("x"))))
	copy(r.Floats("dy"), ramp(len(r.Floats("dy"))))
	r.Set("micro", 0)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	times, err := r.Times()
	if err != nil {
		t.Fatal(err)
	}
	return times
}

func store(t *testing.T) *kernels.Store {
	st := kernels.NewStore(device)
	t.Cleanup(st.Free)
	return st
}

func TestForcedTilesComputeBatchNormStatistics(t *testing.T) {
	for _, tile := range kernels.TilesOf(device.Info()) {
		words := kernels.InputAccess(device) + "," + tile
		vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = words })
		p, _ := buildConvNorm(t, store(t))
		var ran []string
		for _, o := range runConvNorm(t, p) {
			ran = append(ran, o.Kernel)
		}
		for _, k := range []string{"tiled.stats_" + tile, "tiled.gather_" + tile, "tiled.outer_" + tile} {
			if !slices.Contains(ran, k) {
				t.Errorf("%s: %s did not run: %v", words, k, ran)
			}
		}
		if slices.Contains(ran, "bn_stats") {
			t.Errorf("%s: batch norm read the convolution's result although its statistics exist", words)
		}
		vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = words + ",unfused" })
		p, _ = buildConvNorm(t, store(t))
		if !slices.ContainsFunc(runConvNorm(t, p), func(o kernels.OpTime) bool { return o.Kernel == "bn_stats" }) {
			t.Errorf("%s,unfused: batch norm did not read the convolution's result", words)
		}
	}
}

func TestInputAccessDependsOnTheDriver(t *testing.T) {
	llvmpipe := func(major, minor, patch uint32) vk.Info {
		return vk.Info{Type: vk.CPU, DriverID: vk.DriverLlvmpipe, DriverVersion: major<<22 | minor<<12 | patch}
	}
	for _, c := range []struct {
		name, words string
		info        vk.Info
		want        string
	}{
		{"Mesa 22 and 25, which report 1", "", llvmpipe(0, 0, 1), "texel"},
		{"Mesa 25, if it told its version", "", llvmpipe(25, 3, 6), "texel"},
		{"Mesa 26", "", llvmpipe(26, 0, 0), "plain"},
		{"another CPU device", "", vk.Info{Type: vk.CPU, DriverVersion: 26 << 22}, "texel"},
		{"a GPU", "", vk.Info{Type: vk.Discrete}, "plain"},
		{"Mesa 26, forced", "lean,texel", llvmpipe(26, 2, 6), "texel"},
		{"Mesa 25, forced", "plain", llvmpipe(0, 0, 1), "plain"},
	} {
		if got := kernels.InputAccessOf(c.info, vk.Settings{Kernels: c.words}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The minimum that Vulkan guarantees (128 invocations, 16 KiB of shared memory) is enough for all tiles but the largest.
func TestAllButTheLargestTileFitEveryDevice(t *testing.T) {
	tiles := func(invocations, along, shared uint32) []string {
		return kernels.TilesOf(vk.Info{VendorID: 0x1002, Limits: vk.Limits{WorkGroupInvocations: invocations, WorkGroupSize: [3]uint32{along, along, 64}, SharedMemory: shared}})
	}
	want := []string{"128x64", "64x64", "64x32", "32x32"}
	for _, least := range [][]string{tiles(128, 128, 16<<10), tiles(256, 128, 32<<10)} {
		if !slices.Equal(least, want) {
			t.Errorf("on a minimal device %v, want %v", least, want)
		}
	}
	if more := tiles(256, 256, 32<<10); !slices.Equal(more, append([]string{"128x128"}, want...)) {
		t.Errorf("on a larger device %v", more)
	}
}

func TestPinnedKernelsOverrideTheRule(t *testing.T) {
	p, _ := buildConvNorm(t, store(t))
	pins := maps.Clone(p.Variants())
	for k := range pins {
		pass, _, _ := strings.Cut(k, " ")
		pins[k] = "tiled." + pass + "_64x32"
	}
	st := store(t)
	st.Pin(pins)
	again, _ := buildConvNorm(t, st)
	if !maps.Equal(again.Variants(), pins) {
		t.Errorf("pinned %v, got %v", pins, again.Variants())
	}
	for k := range pins {
		pins[k] = "tiled.gather_1x1"
	}
	st = store(t)
	st.Pin(pins)
	w := st.Param("w", func() []float32 { return ramp(40 * 9 * 8) }, 40, 3, 3, 8)
	if _, err := kernels.Build(device, st, func(g *kernels.Graph) {
		kernels.Conv2D(g.Input("x", kernels.F32, 6, 8, 8, 8), w, 1, 1)
	}); err == nil || !strings.Contains(err.Error(), "1x1") {
		t.Errorf("a kernel that does not exist: error %v", err)
	}
}

func tuner(mode kernels.Tuning, dir string) (*kernels.Tuner, *[]string) {
	var warned []string
	return kernels.NewTuner(device, mode, dir, func(s string) { warned = append(warned, s) }), &warned
}

func TestTunerSavesItsResults(t *testing.T) {
	dir := t.TempDir()
	tune, _ := tuner(kernels.TuneFull, dir)
	st := store(t)
	st.SetTuner(tune)
	found, dw := buildConvNorm(t, st)
	files, err := filepath.Glob(filepath.Join(dir, "tune-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, error %v", files, err)
	}

	// An edited result in the file is used without timing.
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for key, kernel := range found.Variants() {
		if strings.HasPrefix(key, "outer") {
			text = []byte(strings.ReplaceAll(string(text), `"kernel": "`+kernel+`"`, `"kernel": "tiled.outer_64x32"`))
		}
	}
	if err := os.WriteFile(files[0], text, 0o666); err != nil {
		t.Fatal(err)
	}
	tune, warned := tuner(kernels.TuneFull, dir)
	st = store(t)
	st.SetTuner(tune)
	again, _ := buildConvNorm(t, st)
	for key, kernel := range again.Variants() {
		if strings.HasPrefix(key, "outer") && kernel != "tiled.outer_64x32" {
			t.Errorf("%s: %s, the file says tiled.outer_64x32", key, kernel)
		}
	}
	if len(*warned) > 0 {
		t.Errorf("warnings %v about a valid file", *warned)
	}

	// Tuning affects results only through the choice of kernels.
	st = store(t)
	st.Pin(found.Variants())
	if _, pinned := buildConvNorm(t, st); !slices.Equal(pinned, dw) {
		t.Error("the same kernels, pinned, gave other bits")
	}
}

// The device is lost while the first shape is timed. The rule chooses its kernel from then on, also in the next process.
func TestTunerDoesNotRepeatWhatLostTheDevice(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	dev.Configure(vk.Settings{})
	dir := t.TempDir()
	build := func() (*kernels.Program, error) {
		st := kernels.NewStore(dev)
		t.Cleanup(st.Free)
		st.SetTuner(kernels.NewTuner(dev, kernels.TuneFull, dir, nil))
		w := st.Param("w", func() []float32 { return ramp(8 * 9 * 8) }, 8, 3, 3, 8)
		return kernels.Build(dev, st, func(g *kernels.Graph) {
			kernels.ReLU(kernels.Conv2D(g.Input("x", kernels.F32, 1, 8, 8, 8), w, 1, 1))
		})
	}
	dev.SimulateLoss(4)
	if _, err := build(); !errors.Is(err, vk.ErrDeviceLost) {
		t.Fatalf("%v, want ErrDeviceLost", err)
	}
	if err := dev.Reopen(); err != nil {
		t.Fatal(err)
	}
	dev.SimulateLoss(12) // more submissions than without timing
	p, err := build()
	if err != nil {
		t.Fatalf("the second build: %v, want the kernel of the rule without timing", err)
	}
	dev.SimulateLoss(0)
	p.Free()
}

func TestTuningOfForcedKernelsIsStoredSeparately(t *testing.T) {
	dir, words := t.TempDir(), device.Settings().Kernels
	found := func(words string) map[string]string {
		vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = words })
		tune, _ := tuner(kernels.TuneFull, dir)
		st := store(t)
		st.SetTuner(tune)
		p, _ := buildConvNorm(t, st)
		return p.Variants()
	}
	first := found(words)
	for key, kernel := range found("64x64,64x32") {
		if !strings.HasPrefix(kernel, "tiled.") {
			t.Errorf("%s: %s was not allowed", key, kernel)
		}
	}
	if again := found(words); !maps.Equal(again, first) {
		t.Errorf("%v before kernels were forced, %v after", first, again)
	}
}

func TestDamagedTuningResultsAreMeasuredAgain(t *testing.T) {
	dir := t.TempDir()
	tune, _ := tuner(kernels.TuneQuick, dir)
	st := store(t)
	st.SetTuner(tune)
	buildConvNorm(t, st)
	files, _ := filepath.Glob(filepath.Join(dir, "tune-*.json"))
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][]byte{"cut": good[:len(good)/2], "empty": nil, "another format": []byte(`[1, 2]`), "null": []byte(`null`)} {
		if err := os.WriteFile(files[0], text, 0o666); err != nil {
			t.Fatal(err)
		}
		tune, warned := tuner(kernels.TuneQuick, dir)
		if len(*warned) != 1 {
			t.Errorf("%s: warnings %v, want one", what, *warned)
		}
		st := store(t)
		st.SetTuner(tune)
		buildConvNorm(t, st)
		if _, warned = tuner(kernels.TuneQuick, dir); len(*warned) > 0 {
			t.Errorf("%s: the file was not written again: %v", what, *warned)
		}
	}
	// a folder that cannot be written only causes a warning
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	tune, warned := tuner(kernels.TuneQuick, filepath.Join(blocked, "folder"))
	st = store(t)
	st.SetTuner(tune)
	buildConvNorm(t, st)
	if len(*warned) != 1 {
		t.Errorf("an impossible folder: warnings %v, want one", *warned)
	}
}

// Four candidates on a device that is twice as slow in its first round. The last one times a tenth of its rows, the third fails in the second round.
func TestCandidatesAreTimedInTurn(t *testing.T) {
	var order []int
	round := 1
	times := []time.Duration{10, 15, 8, 2}
	best := kernels.InTurn([]float64{1, 1, 1, 10}, 3, func(i int) (time.Duration, error) {
		if len(order) > 0 && i <= order[len(order)-1] {
			round++
		}
		if order = append(order, i); i == 2 && round == 2 {
			return 0, errors.New("lost")
		}
		return times[i] * time.Duration(max(1, 3-round)), nil
	})
	if want := []int{0, 1, 2, 3, 0, 1, 2, 0, 1}; !slices.Equal(order, want) { // the last one is more than twice as slow as the first round's fastest
		t.Errorf("order %v, want %v", order, want)
	}
	if want := []float64{10, 15, 0, 40}; !slices.Equal(best, want) {
		t.Errorf("shortest times %v, want %v", best, want)
	}
}

func TestParseTuning(t *testing.T) {
	for _, c := range []struct {
		name string
		dev  vk.DeviceType
		want kernels.Tuning
	}{{"", vk.CPU, kernels.TuneOff}, {"", vk.Discrete, kernels.TuneQuick}, {"full", vk.CPU, kernels.TuneFull}, {"off", vk.Integrated, kernels.TuneOff}} {
		if got, err := kernels.ParseTuning(c.name, vk.Info{Type: c.dev}); err != nil || got != c.want {
			t.Errorf("%q on %v: %v, %v, want %v", c.name, c.dev, got, err, c.want)
		}
	}
	if _, err := kernels.ParseTuning("fast", vk.Info{}); err == nil || !strings.Contains(err.Error(), "off, quick, full") {
		t.Errorf("fast: error %v", err)
	}
}

// Grids of equal size but different width may use different kernels: rows of 4 pixels have no runs of 8.
func TestGridsOfEqualSizeAreTunedByWidth(t *testing.T) {
	p, err := kernels.Build(device, store(t), func(g *kernels.Graph) {
		w := g.Store().Param("w", func() []float32 { return ramp(8 * 9 * 8) }, 8, 3, 3, 8)
		for _, side := range []int{4, 8, 16} {
			kernels.Conv2D(g.Input("x", kernels.F32, 256/side/side, side, side, 8), w, 1, 1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	if len(p.Variants()) != 3 {
		t.Errorf("%v, want a choice for each of three shapes", p.Variants())
	}
}

func TestUnknownKernelsAreRejected(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels = "texel,conv.k9" })
	_, err := kernels.Build(device, store(t), func(g *kernels.Graph) { g.Input("x", kernels.F32, 1) })
	if err == nil || !strings.Contains(err.Error(), `"conv.k9"`) || !strings.Contains(err.Error(), "conv.k4, ") || !strings.Contains(err.Error(), "64x64") {
		t.Errorf("error %v, want one that names the word and the known ones", err)
	}
}
