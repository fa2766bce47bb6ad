package run

import (
	"strings"
	"testing"

	"marr/net/registry"
	"marr/ssl"
)

func TestChooseFollowsTheSizeAndNumberOfImages(t *testing.T) {
	for _, x := range []struct {
		px, images    int
		method        string
		epochs, batch int
		options       map[string]any
		why           string
	}{
		{32, 50_000, "byol", 400, 256, map[string]any{"momentum": 0.99}, "byol, which suits views of 32 px (above 64: dino); for 50000 images epochs 400, batch 256, momentum 0.99"},
		{64, 10_000, "byol", 2000, 256, map[string]any{"momentum": 0.996}, ""},
		{64, 12, "byol", 2000, 2, map[string]any{"momentum": 0.996}, ""},
		{96, 105_000, "dino", 200, 256, map[string]any{"prototypes": int64(16384), "teacher-temperature": 0.02, "momentum": 0.99}, "dino, which suits views of 96 px (up to 64: byol)"},
		{224, 1_281_167, "dino", 100, 256, map[string]any{"prototypes": int64(65536), "teacher-temperature": 0.07, "teacher-temperature-start": 0.04,
			"teacher-temperature-warmup": 0.3, "momentum": 0.996}, ""},
		{65, 2000, "dino", 2000, 256, map[string]any{"prototypes": int64(256), "teacher-temperature": 0.02, "momentum": 0.99}, ""},
	} {
		c := DefaultConfig()
		c.Size = x.px
		r := Choose(c, x.images, never)
		r.Apply(&c, never)
		if c.Method != x.method || c.Epochs != x.epochs || c.Batch != x.batch || len(r.Options) != len(x.options) || !strings.HasPrefix(r.About, x.why) {
			t.Errorf("%d px, %d images: %s, %d epochs of %d, %v, %q", x.px, x.images, c.Method, c.Epochs, c.Batch, r.Options, r.About)
		}
		m, err := ssl.New(c.Method)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range registry.Options(m) {
			if r.Options[o.Name] != x.options[o.Name] {
				t.Errorf("%d px, %d images: %s is %v, want %v", x.px, x.images, o.Name, r.Options[o.Name], x.options[o.Name])
			}
		}
	}
}

// The description omits given settings, and the choice follows from them: few epochs need a lower momentum.
func TestChooseKeepsGivenSettings(t *testing.T) {
	c := DefaultConfig()
	c.Size, c.Epochs, c.Batch = 32, 12, 256
	given := func(key string) bool {
		return key == "epochs" || key == "batch" || key == "optimizer" || key == "prototypes"
	}
	r := Choose(c, 10_000, given)
	r.Apply(&c, given)
	if c.Epochs != 12 || r.Options["momentum"] != 0.9 || strings.Contains(r.About, "epochs") || strings.Contains(r.About, "batch") {
		t.Errorf("%+v, %v, %q", c, r.Options, r.About)
	}
	c.Size = 96
	r = Choose(c, 10_000, given)
	if r.Apply(&c, given); c.Decay != 0 || r.Options["prototypes"] != nil {
		t.Errorf("%+v, %v, %q", c, r.Options, r.About)
	}
	rate := func(key string) bool { return key == "lr" }
	if r = Choose(c, 10_000, rate); strings.Contains(r.About, "base lr") || !strings.Contains(r.About, "weight decay 0.04") {
		t.Errorf("with a rate: %q", r.About)
	}
}
