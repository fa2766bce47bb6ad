package views

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPresetsPassCheckAndFitTheInput(t *testing.T) {
	count := map[string]int{"dino": 8, "swav": 8, "lejepa": 8, "mae": 1, "diet": 1, "distill": 1, "rotation": 1, "jigsaw": 1, "supervised": 1, "order": 4}
	for _, name := range Presets() {
		for _, in := range []Input{{32, 1, 4}, {32, 3, 4}, {64, 3, 4}, {96, 3, 4}, {224, 3, 4}, {224, 1, 4}} {
			specs, err := Preset(name, in)
			if err != nil {
				t.Error(err)
				continue
			}
			want := count[name]
			if want == 0 {
				want = 2
			}
			if len(specs) != want || specs[0].Size != in.Size {
				t.Errorf("%s: %d views of %d px, want %d of %d", name, len(specs), specs[0].Size, want, in.Size)
			}
			for _, s := range specs {
				if in.Size <= 64 && s.BlurKernel() != 0 {
					t.Errorf("%s at %d px blurs", name, in.Size)
				}
				if j := s.ColorJitter; in.Channels == 1 && (s.Grayscale != 0 || j != nil && (j.Hue != 0 || j.Saturation != 0)) {
					t.Errorf("%s: color ops on one channel: %s", name, Encode([]Spec{s}))
				}
			}
		}
	}
	if n := len(Presets()); n != 19 {
		t.Errorf("%d presets, want 19", n)
	}
	for name, in := range map[string]Input{"nothing": {32, 3, 1}, "order": {3, 3, 20}, "mae": {33, 3, 1}} {
		if _, err := Preset(name, in); err == nil {
			t.Errorf("preset %s of %+v: no error", name, in)
		}
	}
}

// SimCLR's, DIET's and DINO's numbers from the papers, at 224 px and for small images.
func TestPresetsHaveTheirSourcesNumbers(t *testing.T) {
	if s := preset(t, "simclr", 32)[1]; *s.ColorJitter != (ColorJitter{0.8, 0.4, 0.4, 0.4, 0.1}) || s.RandomResizedCrop.Scale != medium || s.Bicubic() {
		t.Errorf("simclr at 32 px: %s", Encode([]Spec{s}))
	}
	if s := preset(t, "simclr", 224)[1]; *s.ColorJitter != (ColorJitter{0.8, 0.8, 0.8, 0.8, 0.2}) || s.BlurKernel() != 23 || !s.Bicubic() {
		t.Errorf("simclr at 224 px: %s", Encode([]Spec{s}))
	}
	if s := preset(t, "diet", 224)[0]; *s.ColorJitter != (ColorJitter{0.3, 0.4, 0.4, 0.4, 0.2}) || s.BlurKernel() != 3 || s.GaussianBlur.P != 0.2 || s.RandomErasing.P != 0.25 || s.Bicubic() {
		t.Errorf("diet at 224 px: %s", Encode([]Spec{s}))
	}
	large, small := preset(t, "dino", 224), preset(t, "dino", 32)
	if large[2].Size != 96 || small[7].Size != 18 || large[0].GaussianBlur.P != 1 || large[1].Solarize.P != 0.2 || large[7].Solarize != nil {
		t.Errorf("dino: %s\n%s", Encode(large), Encode(small))
	}
	for size, resize := range map[int]int{32: 32, 64: 64, 96: 110, 224: 256} {
		if got := Eval(Input{Size: size})[0].CenterCrop.Resize; got != resize {
			t.Errorf("Eval at %d px resizes to %d, want %d", size, got, resize)
		}
	}
}

func TestShapesOfSpecs(t *testing.T) {
	mae, jig := preset(t, "mae", 224)[0], preset(t, "jigsaw", 224)[0]
	grid, tile := jig.Tiles()
	for _, c := range []struct{ got, want int }{
		{mae.RowWidth(), 36}, {mae.MaskPatch(), 16}, {jig.RowWidth(), 36}, {grid, 3}, {tile, 56}, {jig.TargetClasses(), 100},
		{preset(t, "simclr", 32)[0].RowWidth(), 24}, {preset(t, "rotation", 32)[0].TargetClasses(), 4},
		{Spec{Size: 18, GaussianBlur: &GaussianBlur{P: 1}}.BlurKernel(), 3}, {Spec{Size: 96, GaussianBlur: &GaussianBlur{P: 1}}.BlurKernel(), 9},
		{Spec{Size: 96, GaussianBlur: &GaussianBlur{P: 0, Kernel: 5}}.BlurKernel(), 0},
	} {
		if c.got != c.want {
			t.Errorf("%d, want %d", c.got, c.want)
		}
	}
}

func TestCheckRejectsInvalidSpecs(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for key, cases := range map[string][]Spec{
		"size":                 {{}, {Size: maxSize + 1}},
		"frame":                {{Size: 32, Frame: -1}, {Size: 32, Frame: 2, FrameOrder: &FrameOrder{2, 2}}, {Size: 32, Frame: 3, ZoomSequence: &zoomDefaults}},
		"zoom_sequence.start":  {{Size: 32, ZoomSequence: &ZoomSequence{2, [2]float64{0.5, 1.1}, zoomDefaults.Zoom, ""}}},
		"zoom_sequence.zoom":   {{Size: 32, ZoomSequence: &ZoomSequence{2, zoomDefaults.Start, [2]float64{1, 2}, ""}}, {Size: 32, ZoomSequence: &ZoomSequence{2, zoomDefaults.Start, [2]float64{nan, 2}, ""}}},
		"zoom_sequence.frames": {{Size: 32, ZoomSequence: &ZoomSequence{1, zoomDefaults.Start, zoomDefaults.Zoom, ""}}, {Size: 32, ZoomSequence: &zoomDefaults, FrameOrder: &FrameOrder{2, 2}}},
		"random_resized_crop, center_crop, random_crop, zoom_sequence": {{Size: 32, CenterCrop: &CenterCrop{}, RandomCrop: &RandomCrop{}}},
		"random_resized_crop.scale": {{Size: 32, RandomResizedCrop: &RandomResizedCrop{}}, {Size: 32, RandomResizedCrop: &RandomResizedCrop{Scale: [2]float64{0.5, 0.4}}},
			{Size: 32, RandomResizedCrop: &RandomResizedCrop{Scale: [2]float64{0.5, 1.1}}}},
		"random_resized_crop.ratio": {{Size: 32, RandomResizedCrop: &RandomResizedCrop{Scale: medium, Ratio: [2]float64{2, 1}}},
			{Size: 32, RandomResizedCrop: &RandomResizedCrop{Scale: medium, Ratio: [2]float64{nan, 1}}},
			{Size: 32, RandomResizedCrop: &RandomResizedCrop{Scale: medium, Ratio: [2]float64{1, inf}}}},
		"center_crop.interpolation":     {{Size: 32, CenterCrop: &CenterCrop{Interpolation: "nearest"}}},
		"center_crop.resize":            {{Size: 32, CenterCrop: &CenterCrop{Resize: -1}}},
		"random_crop.padding":           {{Size: 32, RandomCrop: &RandomCrop{Padding: 32}}, {Size: 32, RandomCrop: &RandomCrop{Padding: -1}}},
		"random_crop.resize":            {{Size: 32, RandomCrop: &RandomCrop{Resize: 23, Padding: 4}}},
		"horizontal_flip":               {{Size: 32, HorizontalFlip: 1.5}, {Size: 32, HorizontalFlip: nan}},
		"vertical_flip":                 {{Size: 32, VerticalFlip: -1}},
		"grayscale":                     {{Size: 32, Grayscale: 2}},
		"color_jitter.p":                {{Size: 32, ColorJitter: &ColorJitter{P: nan}}},
		"color_jitter.brightness":       {{Size: 32, ColorJitter: &ColorJitter{Brightness: -1}}},
		"color_jitter.contrast":         {{Size: 32, ColorJitter: &ColorJitter{Contrast: inf}}},
		"color_jitter.saturation":       {{Size: 32, ColorJitter: &ColorJitter{Saturation: nan}}},
		"color_jitter.hue":              {{Size: 32, ColorJitter: &ColorJitter{Hue: 0.6}}},
		"gaussian_blur.p":               {{Size: 32, GaussianBlur: &GaussianBlur{P: 2}}},
		"gaussian_blur.sigma":           {{Size: 32, GaussianBlur: &GaussianBlur{P: 1}}},
		"gaussian_blur.kernel":          {{Size: 32, GaussianBlur: &GaussianBlur{1, [2]float64{1, 2}, 4}}, {Size: 8, GaussianBlur: &GaussianBlur{1, [2]float64{1, 2}, 17}}},
		"solarize.p":                    {{Size: 32, Solarize: &Solarize{P: 2}}},
		"solarize.threshold":            {{Size: 32, Solarize: &Solarize{Threshold: 1.5}}},
		"random_erasing.scale":          {{Size: 32, RandomErasing: &RandomErasing{}}},
		"random_erasing.ratio":          {{Size: 32, RandomErasing: &RandomErasing{Scale: medium}}},
		"patch_mask.patch":              {{Size: 32, PatchMask: &PatchMask{Patch: 5}}, {Size: 32, PatchMask: &PatchMask{}}, {Size: 140, PatchMask: &PatchMask{Patch: 4}}},
		"patch_mask.ratio":              {{Size: 32, PatchMask: &PatchMask{4, 1.5}}},
		"patch_mask":                    {{Size: 32, PatchMask: &PatchMask{4, 0.5}, Jigsaw: &Jigsaw{2, 0, 24}}},
		"rotation.turns":                {{Size: 32, Rotation: &Rotation{}}, {Size: 32, Rotation: &Rotation{[]int{4}}}, {Size: 32, Rotation: &Rotation{[]int{1, 1}}}},
		"jigsaw.grid":                   {{Size: 99, Jigsaw: &Jigsaw{5, 0, 100}}, {Size: 32, Jigsaw: &Jigsaw{}}},
		"jigsaw.gap":                    {{Size: 32, Jigsaw: &Jigsaw{2, 13, 24}}, {Size: 32, Jigsaw: &Jigsaw{2, -1, 24}}},
		"jigsaw.permutations":           {{Size: 32, Jigsaw: &Jigsaw{2, 0, 25}}, {Size: 99, Jigsaw: &Jigsaw{3, 0, 10001}}, {Size: 32, Jigsaw: &Jigsaw{2, 0, 1}}},
		"frame_order.frames":            {{Size: 32, FrameOrder: &FrameOrder{17, 2}}, {Size: 32, FrameOrder: &FrameOrder{1, 2}}},
		"frame_order.permutations":      {{Size: 32, FrameOrder: &FrameOrder{3, 7}}},
		"rotation, jigsaw, frame_order": {{Size: 32, Rotation: &Rotation{[]int{0, 1}}, Jigsaw: &Jigsaw{2, 0, 24}}},
	} {
		for _, s := range cases {
			if err := s.Check(); err == nil || !strings.HasPrefix(err.Error(), "views: "+key+" ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: Check of %s: %v", key, Encode([]Spec{s}), err)
			}
		}
	}
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	for _, name := range Presets() {
		for _, size := range []int{32, 96, 224} {
			want := preset(t, name, size)
			text := Encode(want)
			got, err := Decode(text, Input{Size: 50, Frames: 4}, preset(t, "byol", 96))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s at %d px: %v\n%s", name, size, err, text)
			}
		}
	}
	images, err := Preset("order", Input{Size: 32, Channels: 3, Frames: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(Encode(images), Input{Size: 9, Frames: 1}, nil); err != nil || !reflect.DeepEqual(got, images) {
		t.Errorf("order of images: %v\n%s", err, Encode(images))
	}
	odd := []Spec{{Size: 9, VerticalFlip: 1e-7, CenterCrop: &CenterCrop{}, RandomErasing: opDefaults.RandomErasing,
		GaussianBlur: &GaussianBlur{0, [2]float64{1e-9, 1e9}, 5}, Rotation: &Rotation{[]int{3}}}}
	if got, err := Decode(Encode(odd), Input{Size: 9}, nil); err != nil || !reflect.DeepEqual(got, odd) {
		t.Errorf("%v\n%s", err, Encode(odd))
	}
}

func TestDecodeOverridesTheBase(t *testing.T) {
	in := Input{Size: 96, Channels: 3, Frames: 1}
	base, dino := preset(t, "byol", 96), preset(t, "dino", 96)
	const text = `
[all]
remove = ["grayscale"]
horizontal_flip = 0
color_jitter = { hue = 0 }

[[view]] # the first
color_jitter = { hue = 0.5, brightness = 1 } # goes before [all]

[[view]]

[[view]]
count = 2
random_erasing = { p = 1 }
[view.solarize]
`
	got, err := Decode(text, in, base)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(base)
	for v := range want {
		want[v].Grayscale, want[v].HorizontalFlip = 0, 0
		want[v].ColorJitter = &ColorJitter{0.8, 0.4, 0.4, 0.2, 0}
	}
	want[0].ColorJitter = &ColorJitter{0.8, 1, 0.4, 0.2, 0.5}
	added := Spec{Size: 96, ColorJitter: &ColorJitter{P: 1}, RandomErasing: &RandomErasing{1, opDefaults.RandomErasing.Scale, opDefaults.RandomErasing.Ratio},
		Solarize: &Solarize{0.5, 0.5}}
	if want = append(want, added, added); !reflect.DeepEqual(got, want) {
		t.Errorf("views\n%swant\n%s", Encode(got), Encode(want))
	}
	if !reflect.DeepEqual(base, preset(t, "byol", 96)) || opDefaults.ColorJitter.P != 1 || opDefaults.ColorJitter.Hue != 0 || opDefaults.RandomErasing.P != 0.5 {
		t.Error("the base or the defaults changed")
	}
	if got, err := Decode(`from = "dino"`, in, base); err != nil || !reflect.DeepEqual(got, dino) {
		t.Errorf("from dino: %v\n%s", err, Encode(got))
	}
	if got, err := Decode("", in, base); err != nil || !reflect.DeepEqual(got, base) {
		t.Errorf("an empty file: %v\n%s", err, Encode(got))
	}
}

func TestDecodeReadsTheOldNameOfZoomSequence(t *testing.T) {
	in := Input{Size: 32, Channels: 3, Frames: 1}
	specs, err := Preset("order", in)
	if err != nil {
		t.Fatal(err)
	}
	now := Encode(specs)
	old := strings.ReplaceAll(now, "zoom_sequence", "approach")
	if got, err := Decode(old, in, nil); err != nil || !reflect.DeepEqual(got, specs) || old == now {
		t.Errorf("%v\n%s", err, Encode(got))
	}
	if got, err := Decode("[all]\napproach = { zoom = [2, 3] }", in, specs); err != nil || got[2].ZoomSequence.Zoom != [2]float64{2, 3} {
		t.Errorf("%v\n%s", err, Encode(got))
	}
}

func TestDecodeNamesLineKeyAndWhatIsAllowed(t *testing.T) {
	for text, parts := range map[string][]string{
		"[[view]]\nsize = 3.5":                                {"line 2: view 0: size = 3.5: want an integer"},
		"[[view]]\n\n[view.color_jitter]\np = 1\nhue = 2":     {"line 5: view 0: color_jitter.hue 2: ", "0 to 0.5"},
		"[[view]]\ncolor_jitter = { p = 1, blub = 3 }":        {"line 2: view 0: color_jitter.blub is not known: want p, brightness"},
		"[[view]]\n[[view]]\nblub = 1":                        {"line 3: view 1: blub is not known: want count, remove, frame, size"},
		"from = \"x\"":                                        {"line 1: from \"x\" is not known: want none or one of asymmetric"},
		"# x\nsize = 1":                                       {"line 2: size: want from"},
		"[[view]]\ncenter_crop = {}":                          {"line 2: view 0: ", "remove all but one"},
		"[all]\nrandom_resized_crop = { scale = [1, 2] }":     {"line 2: all: random_resized_crop.scale [1 2]", "0 < low ≤ high ≤ 1"},
		"[all]\nrandom_resized_crop = { scale = [1] }":        {"line 2: all: random_resized_crop.scale = [1]: want [low, high]"},
		"[[view]]\nremove = [\"size\"]":                       {"line 2: view 0: remove [size]: want a list of ops: random_resized_crop"},
		"[[view]]\nremove = \"solarize\"":                     {"line 2: view 0: remove solarize: want a list"},
		"[[view]]\ncount = 0":                                 {"line 2: view 0: count 0", "1 to 1000"},
		"[all]\ncount = 2":                                    {"line 2: all: count 2"},
		"[[view]\n":                                           {"line 1: ", "]"},
		"[[view]]\nframe = 1":                                 {"line 2: view 0: frame 1: a sample of this data set has 1"},
		"[[view]]\nsolarize = 3":                              {"line 2: view 0: solarize = 3: want a table of p, threshold"},
		"[[view]]\nhorizontal_flip = \"a\"":                   {"line 2: view 0: horizontal_flip = a: want a number"},
		"[[view]]\nrotation = { turns = [1.5] }":              {"line 2: view 0: rotation.turns = 1.5: want an integer"},
		"[[view]]\nrandom_resized_crop = {interpolation = 3}": {"line 2: view 0: random_resized_crop.interpolation = 3: want a string"},
		"[[view]]\n[view.jigsaw]\ngap = 99":                   {"line 3: view 0: jigsaw.gap 99", "want 0 to"},
		"from = \"none\"":                                     {"no views"},
	} {
		_, err := Decode(text, Input{Size: 96, Channels: 3, Frames: 1}, preset(t, "byol", 96))
		for _, part := range parts {
			if err == nil || !strings.HasPrefix(err.Error(), "views: ") || !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want %q", text, err, part)
			}
		}
	}
}
