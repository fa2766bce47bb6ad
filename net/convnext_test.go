package net_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
)

// convNeXt returns the configuration of a ConvNeXt for images of three channels.
func convNeXt(t *testing.T, arch string, width, patch int) net.Config {
	t.Helper()
	c, err := net.NewConfig(arch, map[string]any{"width": width, "stem-patch": patch}, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// There are no kinks, and a dozen blocks add rounding errors: PyTorch's float32 is up to 4e-6 from its float64 (convnext.py).
func TestConvNeXtsMatchPyTorch(t *testing.T) {
	file, err := golden.Load("testdata/convnext.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			matchNetwork(t, c, convNeXt(t, c.Op, int(c.Attrs["width"]), int(c.Attrs["stem-patch"])), 2e-5)
		})
	}
}

// The numbers are those of timm's models, in millions, with 1000 classes of 8·width + 1 numbers each. The number without classes is a·width² + b·width, and
// narrow networks are faster to draw.
func TestConvNeXtsHaveAsManyParametersAsTimms(t *testing.T) {
	perChannel := func(arch string, width int) (n int) {
		st := kernels.NewStore(nil)
		if _, err := convNeXt(t, arch, width, 4).New(st, 1); err != nil {
			t.Fatal(err)
		}
		for _, p := range st.Params() {
			n += len(read(t, p.Read))
		}
		return n / width
	}
	for arch, want := range map[string]string{"convnext-atto": "3.70", "convnext-femto": "5.22", "convnext-pico": "9.05", "convnext-nano": "15.59", "convnext-tiny": "28.59"} {
		a, err := net.NewArchitecture(arch)
		if err != nil {
			t.Fatal(err)
		}
		width, four := a.(*net.ConvNeXt).Width, perChannel(arch, 4)
		n := width*(four+(perChannel(arch, 8)-four)/4*(width-4)) + 1000*(a.Dim()+1)
		if got := fmt.Sprintf("%.2f", float64(n)/1e6); got != want {
			t.Errorf("%s: %s million parameters, want %s", arch, got, want)
		}
	}
}

func TestStemOfConvNeXtsFollowsTheSize(t *testing.T) {
	for size, want := range map[int]int{32: 2, 64: 2, 65: 4, 224: 4} {
		c := &net.ConvNeXt{}
		if c.Resolve(size); c.StemPatch != want {
			t.Errorf("%d px: patches of %d px, want %d", size, c.StemPatch, want)
		}
	}
	c := convNeXt(t, "convnext-atto", 8, 4)
	if err := c.Check(31); err == nil || !strings.Contains(err.Error(), "at least 32×32 pixels, or --stem-patch 3") {
		t.Errorf("31 px: %v", err)
	}
	if advice := c.Advice(40); len(advice) != 2 || !strings.Contains(advice[0], "multiple of 32") || !strings.Contains(advice[1], "1×1") {
		t.Errorf("40 px: advice %q", advice)
	}
	if advice := c.Advice(64); advice != nil {
		t.Errorf("64 px: advice %q", advice)
	}
}

// timm keeps fc1 and fc2 of its small models as 1×1 convolutions.
func TestFilesOfConvNeXtsAreRestored(t *testing.T) {
	for _, arch := range []string{"convnext-atto", "convnext-nano", "convnext-tiny"} {
		for library, change := range map[string]func(*net.Blob){"timm": asTimm, "torchvision": asTorchvision} {
			want, w := torchFile(t, convNeXt(t, arch, 8, 2), 3), torchFile(t, convNeXt(t, arch, 8, 2), 3)
			for i := range w.Tensors {
				change(&w.Tensors[i])
			}
			c, err := w.Recognize(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(c.Name, registry.Values(c.Arch)); got != arch+"map[drop-path:0 stem-patch:2 width:8]" || c.Channels != 3 {
				t.Errorf("%s of %s: recognized %s", arch, library, got)
			}
			st := kernels.NewStore(nil)
			if _, err := c.New(st, 8); err != nil {
				t.Fatal(err)
			}
			taken, err := w.Restore(st)
			if err != nil || taken.Tensors != len(w.Tensors)-2 || len(taken.Left) != 2 {
				t.Fatalf("%s of %s: %v, %v, want all tensors but two of the head", arch, library, taken, err)
			}
			restored := values(t, st)
			for _, b := range want.Tensors {
				if v, ok := restored[net.BackbonePrefix+b.Name]; ok && !slices.Equal(v.Data, b.Data) {
					t.Errorf("%s of %s: %s is not the file's", arch, library, b.Name)
				}
			}
		}
	}
}

func asTimm(b *net.Blob) {
	if strings.HasSuffix(b.Name, "fc1.weight") || strings.HasSuffix(b.Name, "fc2.weight") {
		b.Shape = slices.Concat(b.Shape, []int{1, 1})
	}
	if rest, ok := strings.CutPrefix(b.Name, "fc."); ok {
		b.Name = "head.fc." + rest
	}
}

// asTorchvision changes the name of a tensor from timm's to that of torchvision/models/convnext.py.
func asTorchvision(b *net.Blob) {
	part := strings.SplitN(b.Name, ".", 5)
	switch {
	case part[0] == "fc":
		b.Name = "classifier.2." + part[1]
	case part[0] == "head":
		b.Name = "classifier.0." + part[2]
	case part[0] == "stem":
		b.Name = "features.0." + part[1] + "." + part[2]
	case part[2] == "downsample":
		b.Name = fmt.Sprintf("features.%d.%s.%s", 2*int(part[1][0]-'0'), part[3], part[4])
	default:
		rest := strings.NewReplacer("conv_dw", "block.0", "norm", "block.2", "mlp.fc1", "block.3", "mlp.fc2", "block.5", "gamma", "layer_scale").Replace(part[4])
		b.Name = fmt.Sprintf("features.%d.%s.%s", 2*int(part[1][0]-'0')+1, part[3], rest)
		if strings.HasSuffix(rest, "layer_scale") {
			b.Shape = slices.Concat(b.Shape, []int{1, 1})
		}
	}
}

// Three sizes have as many blocks; the nearest one that is not narrower is taken.
func TestWidthsOfConvNeXtsTellTheSizesApart(t *testing.T) {
	w := torchFile(t, convNeXt(t, "convnext-atto", 8, 2), 3)
	for width, want := range map[int]string{40: "convnext-atto", 44: "convnext-femto", 48: "convnext-femto", 64: "convnext-pico", 128: "convnext-pico"} {
		for i, b := range w.Tensors {
			if b.Name == "stem.0.weight" {
				w.Tensors[i].Shape = []int{width, 3, 4, 4}
			}
		}
		if c, err := w.Recognize(nil); err != nil || c.Name != want {
			t.Errorf("width %d: %s, %v, want %s", width, c.Name, err, want)
		}
	}
}

// ConvNeXt V2 has no layer scale; the models whose names end in _ols have a stem of two convolutions.
func TestOtherConvNeXtsAreNotRecognized(t *testing.T) {
	for name, change := range map[string]func(b *net.Blob){
		"without gamma": func(b *net.Blob) { b.Name = strings.Replace(b.Name, ".gamma", ".mlp.grn.weight", 1) },
		"two convolutions": func(b *net.Blob) {
			if b.Name == "stem.1.weight" {
				b.Shape = []int{8, 8, 3, 3}
			}
		},
		"another block": func(b *net.Blob) { b.Name = strings.Replace(b.Name, "stages.2.blocks.5.", "stages.2.blocks.9.", 1) },
	} {
		w := torchFile(t, convNeXt(t, "convnext-atto", 8, 2), 3)
		for i := range w.Tensors {
			change(&w.Tensors[i])
		}
		if c, err := w.Recognize(nil); err == nil {
			t.Errorf("a file %s is taken for a %s", name, c.Name)
		}
	}
}
