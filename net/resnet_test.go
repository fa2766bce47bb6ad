package net_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/net"
)

// Rounding errors grow with the layers: PyTorch's float32 gradients are up to 5e-5 from its float64 gradients. A ReLU input closer to 0 than its
// rounding error changes a gradient by more. The cases were chosen to avoid such inputs.
const networkTolerance = 1e-3

// The features, all gradients and the running statistics after one forward pass match those of torchvision.
func TestResNetsMatchPyTorch(t *testing.T) {
	file, err := golden.Load("testdata/resnet.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		stem := map[string]string{"resnet18": "cifar", "resnet34": "cifar", "resnet50": "imagenet"}[c.Op]
		t.Run(c.Op, func(t *testing.T) {
			matchNetwork(t, c, resnet(t, c.Op, stem, int(c.Attrs["width"]), ""), networkTolerance)
		})
	}
}

// resnet returns the configuration of a ResNet for images of three channels.
func resnet(t *testing.T, arch, stem string, width int, norm string) net.Config {
	t.Helper()
	c, err := net.NewConfig(arch, map[string]any{"stem": stem, "width": width}, norm, 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// matchNetwork compares features, running statistics and gradients with PyTorch's.
func matchNetwork(t *testing.T, c *golden.Case, config net.Config, tolerance float64) {
	images := c.Inputs[0]
	st := kernels.NewStore(device)
	defer st.Free()
	backbone, err := config.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Inputs[1:] {
		if err := param(t, st, net.BackbonePrefix+s.Name).Write(c.Values(s)); err != nil {
			t.Fatal(err)
		}
	}
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		y := backbone.Forward(g.Input("images", kernels.F32, images.Shape...), net.Train)
		g.Output("features", y)
		g.BackwardFrom(y, g.Input("cotangent", kernels.F32, y.Shape()...))
		g.UpdateRunningStats()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("images"), c.Values(images), 3)
	copy(r.Floats("cotangent"), c.Values(c.Cotangents[0]))
	if prog.Segment("main").HasScalar("micro") { // of batch norms
		r.Set("micro", 0)
	}
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	near(t, c.Output("features"), r.Output("features"), tolerance)
	for _, want := range c.Outputs[1:] {
		near(t, want, read(t, state(t, st, net.BackbonePrefix+want.Name).Read), tolerance)
	}
	for _, want := range c.Grads {
		near(t, want, read(t, param(t, st, net.BackbonePrefix+want.Name).ReadGrad), tolerance)
	}
}

func near(t *testing.T, want *golden.Result, got []float32, tolerance float64) {
	t.Helper()
	if d := want.Distance32(got); !(d <= tolerance) {
		t.Errorf("%s: %.2g from PyTorch, want at most %g", want.Name, d, tolerance)
	}
}

func read(t *testing.T, f func() ([]float32, error)) []float32 {
	t.Helper()
	v, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func param(t *testing.T, st *kernels.Store, name string) *kernels.Param {
	t.Helper()
	i := slices.IndexFunc(st.Params(), func(p *kernels.Param) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no parameter %s", name)
	}
	return st.Params()[i]
}

func state(t *testing.T, st *kernels.Store, name string) *kernels.State {
	t.Helper()
	i := slices.IndexFunc(st.States(), func(s *kernels.State) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no state %s", name)
	}
	return st.States()[i]
}

// The test builds the names of torchvision's state_dict, without fc and num_batches_tracked.
func TestParameterNamesAreThoseOfTorchvision(t *testing.T) {
	for arch, of := range map[string]struct {
		blocks [4]int
		convs  int // in a block
	}{"resnet18": {[4]int{2, 2, 2, 2}, 2}, "resnet34": {[4]int{3, 4, 6, 3}, 2}, "resnet50": {[4]int{3, 4, 6, 3}, 3}} {
		var want []string
		unit := func(conv, bn string) {
			conv, bn = net.BackbonePrefix+conv, net.BackbonePrefix+bn
			want = append(want, conv+".weight", bn+".weight", bn+".bias", bn+".running_mean", bn+".running_var")
		}
		unit("conv1", "bn1")
		for stage, blocks := range of.blocks {
			for b := range blocks {
				p := fmt.Sprintf("layer%d.%d.", stage+1, b)
				for i := range of.convs {
					unit(fmt.Sprintf("%sconv%d", p, i+1), fmt.Sprintf("%sbn%d", p, i+1))
				}
				if b == 0 && (stage > 0 || of.convs == 3) {
					unit(p+"downsample.0", p+"downsample.1")
				}
			}
		}
		st := kernels.NewStore(device)
		if _, err := resnet(t, arch, "cifar", 4, "").New(st, 1); err != nil {
			t.Fatal(err)
		}
		if got := names(st); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: names\n%v\nwant\n%v", arch, got, want)
		}
	}
}

// torchvision's zero_init_residual sets bn2 of basic blocks and bn3 of bottlenecks to 0.
func TestZeroInitResidualStartsBlocksAsTheirShortcuts(t *testing.T) {
	for arch, last := range map[string]string{"resnet10": ".bn2.weight", "resnet18": ".bn2.weight", "resnet50": ".bn3.weight"} {
		for _, zero := range []bool{false, true} {
			c, err := net.NewConfig(arch, map[string]any{"stem": "cifar", "width": 4, "zero-init-residual": zero}, "", 3)
			if err != nil {
				t.Fatal(err)
			}
			st := kernels.NewStore(device)
			if _, err := c.New(st, 1); err != nil {
				t.Fatal(err)
			}
			for _, p := range st.Params() {
				if len(p.Shape) > 1 || !strings.HasSuffix(p.Name, ".weight") {
					continue
				}
				want := float32(1)
				if zero && strings.HasSuffix(p.Name, last) {
					want = 0
				}
				if v := read(t, p.Read); slices.ContainsFunc(v, func(x float32) bool { return x != want }) {
					t.Errorf("%s, zero %t: %s starts as %v, want %g", arch, zero, p.Name, v, want)
				}
			}
			st.Free()
		}
	}
}

// names returns the names of the network's tensors in a store, in order.
func names(st *kernels.Store) []string {
	var all []string
	for _, p := range st.Params() {
		all = append(all, p.Name)
	}
	for _, s := range st.States() {
		if !strings.HasPrefix(s.Name, "marr.") {
			all = append(all, s.Name)
		}
	}
	slices.Sort(all)
	return all
}

func TestUnknownShapesAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		arch     string
		settings map[string]any
		want     string
	}{
		{"vgg", nil, "known are convnext-atto, convnext-femto, convnext-nano, convnext-pico, convnext-tiny, resnet10, resnet18, resnet34, resnet50, vit-base, vit-small, vit-tiny"},
		{"resnet10", map[string]any{"stem": "big"}, "known are cifar, strided, imagenet"},
		{"resnet10", map[string]any{"width": 0}, "--width 0: want it at least 1"},
		{"resnet10", map[string]any{"depth": 3}, "no setting depth"},
	} {
		if _, err := net.NewConfig(c.arch, c.settings, "", 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: got %v, want it to say %q", c.arch, c.settings, err, c.want)
		}
	}
	for want, c := range map[string]net.Config{
		`no stem ""`: {Name: "resnet10", Arch: &net.ResNet{Width: 8}, Channels: 1}, // was not resolved
		"width 0":    {Name: "resnet10", Arch: &net.ResNet{Stem: "cifar"}, Channels: 1},
		"0 channels": {Name: "resnet10", Arch: &net.ResNet{Stem: "cifar", Width: 8}},
	} {
		if _, err := c.New(kernels.NewStore(device), 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want it to say %q", c, err, want)
		}
	}
}

func TestStemFollowsArchitectureAndSize(t *testing.T) {
	for _, c := range []struct {
		arch, stem string
		size       int
		want       string
	}{
		{"resnet10", "", 32, "strided"}, {"resnet10", "", 224, "strided"}, {"resnet18", "", 32, "cifar"}, {"resnet34", "", 64, "cifar"},
		{"resnet34", "", 65, "imagenet"}, {"resnet50", "", 224, "imagenet"}, {"resnet50", "strided", 224, "strided"}, {"resnet18", "", 28, "cifar"},
	} {
		a, err := net.NewArchitecture(c.arch)
		if err != nil {
			t.Fatal(err)
		}
		r := a.(*net.ResNet)
		r.Stem = c.stem
		if r.Resolve(c.size); r.Stem != c.want {
			t.Errorf("%s, %q, %d px: stem %s, want %s", c.arch, c.stem, c.size, r.Stem, c.want)
		}
	}
}

func TestInitialValuesDependOnlyOnSeedAndName(t *testing.T) {
	values := func(width int, seed uint64, name string) []float32 {
		st := kernels.NewStore(device)
		if _, err := resnet(t, "resnet10", "cifar", width, "").New(st, seed); err != nil {
			t.Fatal(err)
		}
		net.Scope{Store: st, Seed: seed}.Projector("projector", 8, 8, 8)
		return read(t, param(t, st, name).Read)
	}
	a, b, c := values(4, 1, "projector.0.weight"), values(8, 1, "projector.0.weight"), values(4, 2, "projector.0.weight")
	if !slices.Equal(a, b) {
		t.Error("another backbone changed the projector's first values")
	}
	if slices.Equal(a, c) {
		t.Error("another seed left them the same")
	}
}
