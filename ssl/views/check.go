package views

import (
	"fmt"
	"math"
)

// Limits of a Spec. A tile's position is top·4096 + left in 24 bits; a mask has 48 floats of 24 bits; a set of permutations is computed
// before the first step.
const (
	maxSize         = 4096
	minTile         = 4
	maxTiles        = 16
	maskBits        = 24
	maxPatches      = 48 * maskBits
	maxPermutations = 10000
	maxZoom         = 16
)

// rule is one condition on a Spec.
type rule struct {
	holds bool
	key   string // TOML name
	value any
	text  string // reason, then what to write instead
}

// problem is the error of a Spec that violates a rule.
type problem struct{ rule }

func (p *problem) Error() string { return fmt.Sprintf("views: %s %v: %s", p.key, p.value, p.text) }

// Check returns an error that names the first invalid field of a Spec, or nil. The other methods need a Spec that passes Check.
func (s Spec) Check() error {
	for _, part := range []func() []rule{s.viewRules, s.cropRules, s.colorRules, s.eraseRules, s.targetRules} {
		for _, r := range part() {
			if !r.holds {
				return &problem{r}
			}
		}
	}
	return nil
}

func probability(key string, p float64) rule {
	return rule{p >= 0 && p <= 1, key, p, "a probability: want 0 to 1"}
}

// interval requires 0 < low ≤ high ≤ top; what describes the quantity.
func interval(key string, r [2]float64, top float64, what string) rule {
	most := ""
	if !math.IsInf(top, 1) {
		most = fmt.Sprintf(" ≤ %g", top)
	}
	return rule{r[0] > 0 && r[0] <= r[1] && r[1] <= top && !math.IsInf(r[1], 1), key, r, what + ": want 0 < low ≤ high" + most}
}

func interpolation(op, name string) rule {
	return rule{name == "" || name == "bilinear" || name == "bicubic", op + ".interpolation", fmt.Sprintf("%q", name), "want bilinear or bicubic"}
}

func (s Spec) viewRules() []rule {
	return []rule{
		{s.Size >= 1 && s.Size < maxSize, "size", s.Size, fmt.Sprintf("side of the view in pixels: want 1 to %d", maxSize-1)},
		{s.Frame >= 0, "frame", s.Frame, "image of the sample: want 0 or more"},
		probability("horizontal_flip", s.HorizontalFlip),
		probability("vertical_flip", s.VerticalFlip),
	}
}

func (s Spec) cropRules() []rule {
	n := len(s.interpolations())
	out := []rule{{n < 2, "random_resized_crop, center_crop, random_crop, zoom_sequence", fmt.Sprintf("(%d of them)", n),
		"a view has one crop: remove all but one"}}
	if c := s.RandomResizedCrop; c != nil {
		out = append(out, interpolation("random_resized_crop", c.Interpolation),
			interval("random_resized_crop.scale", c.Scale, 1, "fraction of the image's area"),
			interval("random_resized_crop.ratio", c.Ratio, math.Inf(1), "width over height"))
	}
	if c := s.CenterCrop; c != nil {
		out = append(out, interpolation("center_crop", c.Interpolation), rule{c.Resize >= 0 && c.Resize <= maxSize, "center_crop.resize", c.Resize,
			fmt.Sprintf("short side in pixels: want 1 to %d, or 0 for the view's size", maxSize)})
	}
	if c := s.RandomCrop; c != nil {
		short := c.short(s.Size)
		out = append(out, interpolation("random_crop", c.Interpolation),
			rule{c.Padding >= 0 && c.Padding < s.Size, "random_crop.padding", c.Padding,
				fmt.Sprintf("pixels per side, less than the view's size: want 0 to %d", s.Size-1)},
			rule{c.Resize >= 0 && c.Resize <= maxSize && short+2*c.Padding >= s.Size, "random_crop.resize", c.Resize,
				fmt.Sprintf("short side in pixels, with the padding at least the view's size: want %d to %d, or 0 for the view's size",
					max(1, s.Size-2*c.Padding), maxSize)})
	}
	if a := s.ZoomSequence; a != nil {
		out = append(out, interpolation("zoom_sequence", a.Interpolation), interval("zoom_sequence.start", a.Start, 1, "fraction of the image's short side"),
			rule{a.Zoom[0] > 1 && a.Zoom[0] <= a.Zoom[1] && a.Zoom[1] <= maxZoom, "zoom_sequence.zoom", a.Zoom,
				fmt.Sprintf("zoom factor from one frame to the next: want 1 < low ≤ high ≤ %d", maxZoom)},
			rule{a.Frames >= 2 && a.Frames <= maxTiles, "zoom_sequence.frames", a.Frames, fmt.Sprintf("frames of the sequence: want 2 to %d", maxTiles)},
			rule{s.Frame < a.Frames, "frame", s.Frame, fmt.Sprintf("zoom_sequence has %d frames: want less", a.Frames)},
			rule{s.FrameOrder == nil || s.FrameOrder.Frames == a.Frames, "zoom_sequence.frames", a.Frames,
				"frame_order has another number of frames: make them the same"})
	}
	return out
}

func (s Spec) colorRules() []rule {
	out := []rule{probability("grayscale", s.Grayscale)}
	if j := s.ColorJitter; j != nil {
		factor := func(key string, b float64) rule {
			return rule{b >= 0 && !math.IsInf(b, 1), key, b, "the factor is drawn from 1 ± this value: want 0 or more"}
		}
		out = append(out, probability("color_jitter.p", j.P), factor("color_jitter.brightness", j.Brightness),
			factor("color_jitter.contrast", j.Contrast), factor("color_jitter.saturation", j.Saturation),
			rule{j.Hue >= 0 && j.Hue <= 0.5, "color_jitter.hue", j.Hue, "largest shift in turns of the color wheel: want 0 to 0.5"})
	}
	if b := s.GaussianBlur; b != nil {
		k := s.BlurKernel()
		out = append(out, probability("gaussian_blur.p", b.P), interval("gaussian_blur.sigma", b.Sigma, math.Inf(1), "pixels"),
			rule{b.Kernel >= 0 && (b.Kernel == 0 || b.Kernel%2 == 1) && k/2 < s.Size, "gaussian_blur.kernel", k,
				fmt.Sprintf("pixels, mirrored at the edge: want an odd number up to %d, or 0 for a tenth of the size", 2*s.Size-1)})
	}
	if z := s.Solarize; z != nil {
		out = append(out, probability("solarize.p", z.P),
			rule{z.Threshold >= 0 && z.Threshold <= 1, "solarize.threshold", z.Threshold, "brightness: want 0 to 1"})
	}
	return out
}

func (s Spec) eraseRules() []rule {
	var out []rule
	if e := s.RandomErasing; e != nil {
		out = append(out, probability("random_erasing.p", e.P), interval("random_erasing.scale", e.Scale, 1, "fraction of the view's area"),
			interval("random_erasing.ratio", e.Ratio, math.Inf(1), "height over width"))
	}
	if m := s.PatchMask; m != nil {
		fits := m.Patch >= 1 && s.Size%m.Patch == 0
		out = append(out,
			rule{fits, "patch_mask.patch", m.Patch, fmt.Sprintf("side of a patch in pixels: want a divisor of the view's size, %d", s.Size)},
			rule{!fits || s.patches() <= maxPatches, "patch_mask.patch", m.Patch,
				fmt.Sprintf("a view has at most %d patches: want larger patches", maxPatches)},
			rule{m.Ratio >= 0 && m.Ratio <= 1, "patch_mask.ratio", m.Ratio, "fraction of masked patches: want 0 to 1"},
			rule{s.Jigsaw == nil, "patch_mask", "with jigsaw", "a view has one of the two: remove one"})
	}
	return out
}

func (s Spec) targetRules() []rule {
	var out []rule
	targets := 0
	if r := s.Rotation; r != nil {
		seen := map[int]bool{}
		for _, turn := range r.Turns {
			out = append(out, rule{turn >= 0 && turn <= 3 && !seen[turn], "rotation.turns", r.Turns, "quarter turns: want some of 0, 1, 2, 3, each once"})
			seen[turn] = true
		}
		out = append(out, rule{len(r.Turns) > 0, "rotation.turns", r.Turns, "quarter turns to draw from: want some of 0, 1, 2, 3"})
		if len(r.Turns) > 1 {
			targets++
		}
	}
	if j := s.Jigsaw; j != nil {
		targets++
		grid := j.Grid >= 2 && j.Grid*j.Grid <= maxTiles
		out = append(out, rule{grid, "jigsaw.grid", j.Grid, fmt.Sprintf("tiles per side: want 2 to 4, %d tiles at most", maxTiles)},
			rule{j.Gap >= 0 && (!grid || s.Size/j.Grid-j.Gap >= minTile), "jigsaw.gap", j.Gap,
				fmt.Sprintf("tiles need at least %d pixels per side: want 0 to size/grid − %d", minTile, minTile)},
			permutationRule("jigsaw.permutations", j.Permutations, j.Grid*j.Grid))
	}
	if o := s.FrameOrder; o != nil {
		targets++
		out = append(out, rule{o.Frames >= 2 && o.Frames <= maxTiles, "frame_order.frames", o.Frames,
			fmt.Sprintf("frames of a sample: want 2 to %d (frames:DIR gives clips)", maxTiles)},
			rule{s.Frame < o.Frames, "frame", s.Frame, fmt.Sprintf("frame_order has %d frames: want less", o.Frames)},
			permutationRule("frame_order.permutations", o.Permutations, o.Frames))
	}
	return append(out, rule{targets < 2, "rotation, jigsaw, frame_order", fmt.Sprintf("(%d of them)", targets),
		"a view has one target: remove all but one"})
}

// permutationRule requires 2 to n! permutations, and at most maxPermutations.
func permutationRule(key string, count, n int) rule {
	most := 1
	for k := 2; k <= n && most < maxPermutations; k++ {
		most *= k
	}
	most = min(most, maxPermutations)
	return rule{count >= 2 && count <= most, key, count, fmt.Sprintf("permutations of %d to draw from: want 2 to %d", n, most)}
}
