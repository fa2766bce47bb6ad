package net_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
)

// vitFile returns the tensors of a vision transformer as timm saves them, with a classifier.
func vitFile(t *testing.T, c net.Config) *net.Weights {
	t.Helper()
	w := torchFile(t, c, 3)
	for i, b := range w.Tensors {
		if rest, ok := strings.CutPrefix(b.Name, "fc."); ok {
			w.Tensors[i].Name = "head." + rest
		}
	}
	return w
}

func TestViTsAreRecognizedByTheirShapes(t *testing.T) {
	for _, x := range []struct {
		arch                      string
		width, depth, patch, side int
		heads                     string
		given                     map[string]any
	}{
		{"vit-tiny", 192, 12, 16, 14, "3", nil}, {"vit-small", 384, 12, 8, 28, "12", map[string]any{"heads": 12}}, {"vit-base", 768, 12, 32, 7, "12", nil},
		{"vit-base", 1024, 24, 14, 16, "16", nil}, {"vit-tiny", 32, 1, 2, 1, "1", nil},
	} {
		w := &net.Weights{Tensors: []net.Blob{{Name: "cls_token", Shape: []int{1, 1, x.width}}, {Name: "pos_embed", Shape: []int{1, 1 + x.side*x.side, x.width}},
			{Name: "patch_embed.proj.weight", Shape: []int{x.width, 1, x.patch, x.patch}}}}
		for i := range x.depth {
			w.Tensors = append(w.Tensors, net.Blob{Name: fmt.Sprintf("blocks.%d.attn.qkv.weight", i), Shape: []int{3 * x.width, x.width}})
		}
		got, err := w.Recognize(x.given)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("map[depth:%d drop-path:0 embed-dim:%d freeze-patches:false grid:%d heads:%s patch:%d pool:cls positions:learned xavier:false]", x.depth, x.width, x.side, x.heads, x.patch)
		if settings := fmt.Sprint(registry.Values(got.Arch)); got.Name != x.arch || got.Channels != 1 || settings != want {
			t.Errorf("recognized %s %s, want %s %s", got.Name, settings, x.arch, want)
		}
	}
}

func TestFilesOfTimmAndTorchvisionAreRestored(t *testing.T) {
	for library, rename := range map[string]func(string) string{"timm": func(name string) string { return name }, "torchvision": torchvisionName} {
		timm, w := vitFile(t, smallViT(t, nil)), vitFile(t, smallViT(t, nil))
		for i, b := range w.Tensors {
			w.Tensors[i].Name = rename(b.Name)
		}
		c, err := w.Recognize(map[string]any{"heads": 2})
		if err != nil {
			t.Fatal(err)
		}
		st := kernels.NewStore(nil)
		if _, err := c.New(st, 8); err != nil {
			t.Fatal(err)
		}
		taken, err := w.Restore(st)
		if err != nil || taken.Tensors != len(w.Tensors)-2 || len(taken.Left) != 2 {
			t.Errorf("%s: %v, %v, want all tensors but two of the head", library, taken, err)
		}
		restored := values(t, st)
		for i, b := range timm.Tensors {
			if v, ok := restored[net.BackbonePrefix+b.Name]; ok == strings.HasPrefix(b.Name, "head.") || ok && !slices.Equal(v.Data, w.Tensors[i].Data) {
				t.Errorf("%s: %s is not the file's", library, b.Name)
			}
		}
	}
}

// torchvisionName returns the name that torchvision's vision transformers have for a tensor of timm's: the table of torchvision/models/vision_transformer.py.
func torchvisionName(name string) string {
	for _, x := range [][2]string{{"cls_token", "class_token"}, {"pos_embed", "encoder.pos_embedding"}, {"patch_embed.proj", "conv_proj"}, {"head.", "heads.head."}} {
		if strings.HasPrefix(name, x[0]) {
			return strings.Replace(name, x[0], x[1], 1)
		}
	}
	if strings.HasPrefix(name, "norm.") {
		return "encoder.ln." + strings.TrimPrefix(name, "norm.")
	}
	for _, x := range [][2]string{{"blocks.", "encoder.layers.encoder_layer_"}, {"norm1", "ln_1"}, {"norm2", "ln_2"}, {"attn.qkv.", "self_attention.in_proj_"},
		{"attn.proj", "self_attention.out_proj"}, {"mlp.fc1", "mlp.0"}, {"mlp.fc2", "mlp.3"}} {
		name = strings.Replace(name, x[0], x[1], 1)
	}
	return name
}

// A network with layer scale or register tokens (DINOv2) would load without an error, and compute something else.
func TestViTsWithOtherPartsAreNotRecognized(t *testing.T) {
	for _, more := range []string{"blocks.0.ls1.gamma", "reg_token", "register_tokens", "dist_token"} {
		w := vitFile(t, smallViT(t, nil))
		w.Tensors = append(w.Tensors, net.FromFloat32s(more, []int{1}, []float32{1}))
		if c, err := w.Recognize(nil); err == nil {
			t.Errorf("a file with %s is taken for a %s", more, c.Name)
		}
	}
}
