package views

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// presets maps names to recipes, which are functions of the input. Up to 64 px a recipe is the source's for small images (CIFAR), if it
// has one, and never blurs.
var presets = map[string]func(Input) []Spec{
	// Chen et al. 2020, arXiv:2002.05709, appendix A (jitter strength 1); small: its appendix B.9 (strength 0.5, no blur), crops from 0.2,
	// bilinear. Also solo-learn's symmetric set.
	"simclr": pair{scale: broad, cubic: true, jitter: strong, blur: [2]float64{0.5, 0.5}}.
		orSmall(pair{scale: medium, jitter: weak}),
	// solo-learn, scripts/pretrain/*/augmentations/symmetric_weak.yaml.
	"simclr-weak": pair{scale: broad, cubic: true, jitter: weak, blur: [2]float64{0.5, 0.5}}.
		orSmall(pair{scale: broad, cubic: true, jitter: weak}),
	// solo-learn, asymmetric.yaml of imagenet-100 and of cifar.
	"asymmetric": byol,
	// solo-learn, vicreg.yaml of imagenet-100 and of cifar. The paper (Bardes et al. 2022, arXiv:2105.04906) takes BYOL's.
	"vicreg": pair{scale: medium, cubic: true, jitter: pale, blur: [2]float64{0.5, 0.5}, solarize: [2]float64{0.1, 0.1}}.
		orSmall(pair{scale: medium, cubic: true, jitter: pale, solarize: [2]float64{0.1, 0.1}}),
	// Grill et al. 2020, arXiv:2006.07733, appendix B; small: solo-learn's for CIFAR.
	"byol": byol,
	// Zbontar et al. 2021, arXiv:2103.03230, section 2.2 (facebookresearch/barlowtwins, main.py): BYOL's.
	"barlow": byol,
	// Chen and He 2021, arXiv:2011.10566, section 3 and appendix D (CIFAR: no blur): MoCo v2's.
	"simsiam": moco,
	// Chen et al. 2020, arXiv:2003.04297 (facebookresearch/moco, main_moco.py --aug-plus); without blur at CIFAR's size.
	"moco-v2": moco,
	// Chen, Xie and He 2021, arXiv:2104.02057 (facebookresearch/moco-v3, main_moco.py, ResNet-50: --crop-min 0.2); without blur when small.
	"moco-v3": pair{scale: medium, jitter: pale, blur: [2]float64{1, 0.1}, solarize: [2]float64{0, 0.2}}.
		orSmall(pair{scale: medium, jitter: pale, solarize: [2]float64{0, 0.2}}),
	// Caron et al. 2021, arXiv:2104.14294 (facebookresearch/dino, main_dino.py; scales of its README for convolutional networks; six
	// local views of 96/224 instead of eight); small: solo-learn's asymmetric set with its multi-crop for CIFAR.
	"dino": pair{scale: [2]float64{0.14, 1}, cubic: true, jitter: pale, blur: [2]float64{1, 0.1}, solarize: [2]float64{0, 0.2},
		local: local{6, 96.0 / 224, [2]float64{0.05, 0.14}, 0.5, 0}}.
		orSmall(pair{scale: medium, cubic: true, jitter: pale, solarize: [2]float64{0, 0.2}, local: localSmall}),
	// Caron et al. 2020, arXiv:2006.09882 (facebookresearch/swav, main_swav.py: 2 × 224 + 6 × 96); small: solo-learn's 2 × 32 + 6 × 18.
	"swav": pair{scale: [2]float64{0.14, 1}, jitter: strong, blur: [2]float64{0.5, 0.5},
		local: local{6, 96.0 / 224, [2]float64{0.05, 0.14}, 0.5, 0}}.
		orSmall(pair{scale: medium, cubic: true, jitter: strong, local: localSmall}),
	// Balestriero and LeCun 2025, arXiv:2511.08544 (rbalestr-lab/lejepa, README.md); small, no source: DINO's without solarize.
	"lejepa": pair{scale: [2]float64{0.3, 1}, jitter: pale, blur: [2]float64{0.5, 0.5}, solarize: [2]float64{0.2, 0.2},
		local: local{6, 98.0 / 224, [2]float64{0.05, 0.3}, 0.5, 0.2}}.
		orSmall(pair{scale: medium, jitter: pale, local: localSmall}),
	// He et al. 2021, arXiv:2111.06377 (facebookresearch/mae, main_pretrain.py); small: solo-learn's patches of 4.
	"mae": mae,
	// Gidaris et al. 2018, arXiv:1803.07728; small: its CIFAR set (random crop, padding 4 of 32). Each view has one random rotation; the
	// paper shows all four.
	"rotation": rotation,
	// Balestriero 2023, arXiv:2302.10260, for CIFAR and ImageNet alike, but for its blur of small images.
	"diet": diet,
	// Noroozi and Favaro 2016, arXiv:1603.09246 (facebookresearch/vissl, jigsaw_8gpu_resnet.yaml, with the 100 permutations of its best
	// result); small, no source: 2 × 2 tiles, all 24 permutations, a gap of an eighth of a cell.
	"jigsaw": jigsaw,
	// Lee et al. 2017, arXiv:1708.01246: crops shifted by up to 1/16, grayscale (the paper uses one channel), so that neither position nor
	// color reveals the order. The paper counts an order and its reverse as one class, this preset as two. For single images, no source:
	// three frames of a ZoomSequence, each with its own jitter and blur, because zooming in changes brightness and sharpness. Without blur
	// the network predicted 94 % of the orders after 30 steps, at zooms of 1.25 to 1.5.
	"order": order,
	// He et al. 2016, arXiv:1512.03385, section 4.2 (small: padding 4 of 32); above 64 px, Inception's crops (Szegedy et al. 2015,
	// arXiv:1409.4842, section 6; torchvision's references/classification).
	"supervised": supervised,
	// No source: a crop of at least half of the image, so that the features that a teacher gave to the whole image are valid for it.
	"distill": Finetune,
}

// Ranges and strengths that several recipes use.
var (
	broad        = [2]float64{0.08, 1} // of a crop's scale
	medium       = [2]float64{0.2, 1}
	strong       = ColorJitter{0.8, 0.8, 0.8, 0.8, 0.2}
	weak         = ColorJitter{0.8, 0.4, 0.4, 0.4, 0.1}
	pale         = ColorJitter{0.8, 0.4, 0.4, 0.2, 0.1} // BYOL's
	zoomDefaults = ZoomSequence{Frames: 3, Start: [2]float64{0.8, 1}, Zoom: [2]float64{1.15, 1.4}, Interpolation: "bilinear"}
	localSmall   = local{6, 18.0 / 32, [2]float64{0.08, 0.5}, 0, 0}

	byol = pair{scale: broad, cubic: true, jitter: pale, blur: [2]float64{1, 0.1}, solarize: [2]float64{0, 0.2}}.
		orSmall(pair{scale: broad, cubic: true, jitter: pale, solarize: [2]float64{0, 0.2}})
	moco = pair{scale: medium, jitter: weak, blur: [2]float64{0.5, 0.5}}.
		orSmall(pair{scale: medium, jitter: weak})
)

// pair is a recipe of two views with the same crop, flip (p 0.5), jitter and grayscale (p 0.2), plus local views.
type pair struct {
	scale          [2]float64
	cubic          bool
	jitter         ColorJitter
	blur, solarize [2]float64 // probability in the first and in the second view
	local          local
}

// local describes n small views (multi-crop).
type local struct {
	n              int
	share          float64    // side as a fraction of the global views' side
	scale          [2]float64 // of the crop
	blur, solarize float64    // probabilities
}

func small(in Input) bool { return in.Size <= 64 }

func (p pair) orSmall(q pair) func(Input) []Spec {
	return func(in Input) []Spec {
		if small(in) {
			return q.views(in)
		}
		return p.views(in)
	}
}

func (p pair) views(in Input) (out []Spec) {
	for v := range 2 {
		out = append(out, p.view(in, in.Size, p.scale, p.blur[v], p.solarize[v]))
	}
	for range p.local.n {
		out = append(out, p.view(in, int(math.Round(float64(in.Size)*p.local.share)), p.local.scale, p.local.blur, p.local.solarize))
	}
	return out
}

// view returns one view, without the ops that do not change images of one channel.
func (p pair) view(in Input, size int, scale [2]float64, blur, solarize float64) Spec {
	jitter := p.jitter
	s := randomResized(size, scale)
	s.ColorJitter, s.Grayscale = &jitter, 0.2
	if in.Channels == 1 {
		jitter.Saturation, jitter.Hue, s.Grayscale = 0, 0, 0
	}
	if p.cubic {
		s.RandomResizedCrop.Interpolation = "bicubic"
	}
	if blur > 0 {
		s.GaussianBlur = &GaussianBlur{P: blur, Sigma: [2]float64{0.1, 2}}
	}
	if solarize > 0 {
		s.Solarize = &Solarize{solarize, 0.5}
	}
	return s
}

// randomResized is the crop and flip of most recipes.
func randomResized(size int, scale [2]float64) Spec {
	return Spec{Size: size, RandomResizedCrop: &RandomResizedCrop{scale, [2]float64{3.0 / 4, 4.0 / 3}, "bilinear"}, HorizontalFlip: 0.5}
}

// shifted is a random crop of the resized, padded image, and a flip.
func shifted(size, resize, padding int) Spec {
	return Spec{Size: size, RandomCrop: &RandomCrop{resize, padding, "bilinear"}, HorizontalFlip: 0.5}
}

func supervised(in Input) []Spec {
	if small(in) {
		return []Spec{shifted(in.Size, in.Size, in.Size/8)}
	}
	return []Spec{randomResized(in.Size, broad)}
}

func diet(in Input) []Spec {
	s := pair{jitter: ColorJitter{0.3, 0.4, 0.4, 0.4, 0.2}}.view(in, in.Size, broad, 0, 0)
	if !small(in) {
		s.GaussianBlur = &GaussianBlur{P: 0.2, Sigma: [2]float64{1, 2}, Kernel: 3}
	}
	s.RandomErasing = &RandomErasing{P: 0.25, Scale: [2]float64{0.02, 0.33}, Ratio: [2]float64{0.3, 3.3}}
	return []Spec{s}
}

func mae(in Input) []Spec {
	s := Unmasked(in)[0]
	s.PatchMask = &PatchMask{16, 0.75}
	if small(in) {
		s.PatchMask.Patch = 4
	}
	return []Spec{s}
}

func rotation(in Input) []Spec {
	s := supervised(in)[0]
	s.Rotation = &Rotation{[]int{0, 1, 2, 3}}
	return []Spec{s}
}

func jigsaw(in Input) []Spec {
	s := shifted(in.Size, int(math.Round(float64(in.Size)*256/255)), 0)
	if in.Channels != 1 {
		s.Grayscale = 0.66
	}
	cell := in.Size / 3
	s.Jigsaw = &Jigsaw{3, cell - int(math.Round(float64(cell)*64/85)), 100}
	if small(in) {
		s.Jigsaw = &Jigsaw{2, in.Size / 16, 24}
	}
	return []Spec{s}
}

func order(in Input) (out []Spec) {
	if in.Frames < 2 {
		for f := range zoomDefaults.Frames {
			s := pair{jitter: weak}.view(in, in.Size, broad, 0, 0)
			s.RandomResizedCrop, s.HorizontalFlip, s.Grayscale = nil, 0, 0
			s.GaussianBlur = &GaussianBlur{P: 1, Sigma: [2]float64{0.1, 1.5}, Kernel: 9}
			s.Frame, s.ZoomSequence, s.FrameOrder = f, &zoomDefaults, &FrameOrder{zoomDefaults.Frames, 6}
			out = append(out, s)
		}
		return out
	}
	sets := 1
	for k := 2; k <= in.Frames && sets < 100; k++ {
		sets *= k
	}
	for f := range in.Frames {
		s := shifted(in.Size, in.Size+(in.Size+4)/8, 0)
		s.HorizontalFlip, s.Frame, s.FrameOrder = 0, f, &FrameOrder{in.Frames, min(sets, 100)}
		if in.Channels != 1 {
			s.Grayscale = 1
		}
		out = append(out, s)
	}
	return out
}

// Presets returns the names of the presets, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// Preset returns the views of a preset. Errors: an unknown name; an input that the recipe does not fit.
func Preset(name string, in Input) ([]Spec, error) {
	recipe, ok := presets[name]
	if !ok {
		return nil, fmt.Errorf("views: preset %q is not known: want one of %s", name, strings.Join(Presets(), ", "))
	}
	specs := recipe(in)
	for v, s := range specs {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("views: preset %s for %d px and %d frames, view %d: %w", name, in.Size, in.Frames, v, err)
		}
	}
	return specs, nil
}

// Eval returns the test transform: a center crop of the whole short side up to 64 px, of 224/256 of it above (torchvision's
// references/classification).
func Eval(in Input) []Spec {
	resize := in.Size
	if !small(in) {
		resize = int(math.Round(float64(in.Size) * 256 / 224))
	}
	return []Spec{{Size: in.Size, CenterCrop: &CenterCrop{resize, "bilinear"}}}
}

// Finetune returns the view for training on few labels, and from a teacher: a crop of 0.5–1 of the area, and a flip.
func Finetune(in Input) []Spec { return []Spec{randomResized(in.Size, [2]float64{0.5, 1})} }

// Unmasked returns the view of the preset "mae" without its mask: a crop of 0.2–1 of the area, and a flip.
func Unmasked(in Input) []Spec {
	s := randomResized(in.Size, medium)
	s.RandomResizedCrop.Interpolation = "bicubic"
	return []Spec{s}
}

// LinearProbe returns the view for training a linear classifier on frozen features: torchvision's RandomResizedCrop, of 0.08–1 of the area, and a flip.
func LinearProbe(in Input) []Spec { return []Spec{randomResized(in.Size, [2]float64{0.08, 1})} }
