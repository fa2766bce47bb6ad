package run

import (
	"fmt"
	"math"
	"strings"

	"marr/ssl"
)

// Choose returns a method and its settings for a number of images and views of c.Size pixels, as a recipe whose About gives the reason. Settings that
// the user gave, by key, stay, and the others follow from them.
//
//	up to 64 px BYOL: the most accurate at that size without large batches or many views, ahead of DINO (vturrisi/solo-learn, README.md)
//	above       DINO with local views: the most accurate in few epochs (lightly-ai/lightly, imagenette_benchmark.py)
//	epochs      20 million images seen, between 100 and 2000 epochs; batch 256, or a quarter of the images if there are few
//	BYOL        momentum 0.99, 0.996 from 1000 epochs on (the paper's), 0.9 below 2000 steps: a target that hardly moves teaches nothing
//	DINO        prototypes, temperature and momentum grow with the number of images, AdamW's rate and decay (lightly-ai/lightly-train,
//	            _methods/dino/dino.py), gradients clipped as in the paper
func Choose(c Config, images int, given func(key string) bool) *Recipe {
	x := &choice{Recipe: Recipe{settings: map[string]any{}, Options: map[string]any{}}, given: given}
	if !given("epochs") {
		c.Epochs = 100 * int(math.Round(min(max(20e6/float64(max(images, 1)), 100), 2000)/100))
		x.set("epochs", int64(c.Epochs))
	}
	if !given("batch") {
		for c.Batch = 256; c.Batch > 2 && c.Batch > images/4; {
			c.Batch /= 2
		}
		x.set("batch", int64(c.Batch))
	}
	if c.Size <= 64 {
		x.why = fmt.Sprintf("byol, which suits views of %d px (above 64: dino)", c.Size)
		x.byol(c, images)
	} else {
		x.why = fmt.Sprintf("dino, which suits views of %d px (up to 64: byol)", c.Size)
		x.dino(images)
	}
	x.About = fmt.Sprintf("%s; for %d images %s", x.why, images, strings.Join(x.chosen, ", "))
	return &x.Recipe
}

// choice is a recipe under construction.
type choice struct {
	Recipe
	given  func(key string) bool
	why    string
	chosen []string
}

func (x *choice) set(key string, v any) {
	if !x.given(key) {
		x.settings[key], x.chosen = v, append(x.chosen, fmt.Sprintf("%s %v", strings.ReplaceAll(key, "_", " "), v))
	}
}

func (x *choice) option(name string, v any) {
	if !x.given(name) {
		x.Options[name], x.chosen = v, append(x.chosen, fmt.Sprintf("%s %v", strings.ReplaceAll(name, "-", " "), v))
	}
}

func (x *choice) byol(c Config, images int) {
	x.settings["method"] = "byol"
	momentum, steps := 0.99, c.Epochs*(images/max(c.Batch, 1))
	switch {
	case steps < 2000:
		momentum = 0.9
	case c.Epochs >= 1000:
		momentum = 0.996
	}
	x.option("momentum", momentum)
}

func (x *choice) dino(images int) {
	x.settings["method"] = "dino"
	const few, many = 20_000, 1_281_167 // many: ImageNet
	fraction := min(max(float64(images-few)/(many-few), 0), 1)
	between := func(from, to, digits float64) float64 { return math.Round((from+fraction*(to-from))*digits) / digits }
	teacherTemp := between(0.02, 0.07, 100)
	x.option("prototypes", int64(ssl.PrototypesFor(images)))
	x.option("teacher-temperature", teacherTemp)
	if start := between(0.02, 0.04, 100); start < teacherTemp {
		x.option("teacher-temperature-start", start)
		x.option("teacher-temperature-warmup", 0.3)
	}
	x.option("momentum", between(0.99, 0.996, 1000))
	x.set("clip_each", 3.0)
	if x.given("optimizer") {
		return
	}
	if !x.given("lr") {
		x.set("base_lr", 5e-4)
	}
	x.set("weight_decay", 0.04)
}
