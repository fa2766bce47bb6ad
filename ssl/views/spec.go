package views

import (
	"math"
	"slices"
)

// Input describes the images that a recipe makes views from.
type Input struct {
	Size     int // side of a view in pixels
	Channels int // 1 or 3
	Frames   int // images per sample: 1 unless the data set holds clips
}

// Spec describes one view. Its ops run in the order of the fields; nil and 0 leave an op out. At most one op crops; without one the
// view is CenterCrop{}. The names in TOML and JSON are torchvision's in snake case.
type Spec struct {
	Frame             int                `json:"frame"` // image of the sample; frame of the ZoomSequence; with FrameOrder, position in the drawn order
	Size              int                `json:"size"`  // side of the view in pixels
	RandomResizedCrop *RandomResizedCrop `json:"random_resized_crop,omitempty"`
	CenterCrop        *CenterCrop        `json:"center_crop,omitempty"`
	RandomCrop        *RandomCrop        `json:"random_crop,omitempty"`
	ZoomSequence      *ZoomSequence      `json:"zoom_sequence,omitempty"`
	HorizontalFlip    float64            `json:"horizontal_flip,omitempty"` // probability of mirroring left to right
	VerticalFlip      float64            `json:"vertical_flip,omitempty"`   // probability of mirroring top to bottom
	Rotation          *Rotation          `json:"rotation,omitempty"`
	ColorJitter       *ColorJitter       `json:"color_jitter,omitempty"`
	Grayscale         float64            `json:"grayscale,omitempty"` // probability of luma in all channels
	GaussianBlur      *GaussianBlur      `json:"gaussian_blur,omitempty"`
	Solarize          *Solarize          `json:"solarize,omitempty"`
	RandomErasing     *RandomErasing     `json:"random_erasing,omitempty"`
	PatchMask         *PatchMask         `json:"patch_mask,omitempty"`
	Jigsaw            *Jigsaw            `json:"jigsaw,omitempty"`
	FrameOrder        *FrameOrder        `json:"frame_order,omitempty"`
}

// RandomResizedCrop takes a random box of the image and resizes it to the view.
type RandomResizedCrop struct {
	Scale         [2]float64 `json:"scale"`                   // range of the box's fraction of the image's area, uniform; torchvision's default: 0.08 to 1
	Ratio         [2]float64 `json:"ratio"`                   // range of width over height, log-uniform; torchvision's default: 3/4 to 4/3
	Interpolation string     `json:"interpolation,omitempty"` // bilinear (also "") or bicubic; antialiased, unlike torchvision's default for tensors
}

// CenterCrop is torchvision's Resize(Resize), then CenterCrop(Size). Padding is black.
type CenterCrop struct {
	Resize        int    `json:"resize,omitempty"` // short side in pixels, 0: the view's size
	Interpolation string `json:"interpolation,omitempty"`
}

// RandomCrop is torchvision's Resize(Resize), then RandomCrop(Size, Padding). Padding is black.
type RandomCrop struct {
	Resize        int    `json:"resize,omitempty"` // short side in pixels, 0: the view's size
	Padding       int    `json:"padding"`          // pixels per side
	Interpolation string `json:"interpolation,omitempty"`
}

// Rotation rotates the view counterclockwise by a multiple of 90 degrees, without interpolation. The target is the index in Turns of
// the drawn rotation. A single entry is applied to every view and gives no target.
type Rotation struct {
	Turns []int `json:"turns"` // quarter turns, 0 to 3, drawn uniformly
}

// ColorJitter is torchvision's ColorJitter inside RandomApply(P): four ops in random order. Strength 0 leaves an op out.
type ColorJitter struct {
	P          float64 `json:"p"`
	Brightness float64 `json:"brightness"` // b: the factor is uniform in [max(0, 1−b), 1+b]
	Contrast   float64 `json:"contrast"`   // range as for Brightness
	Saturation float64 `json:"saturation"` // range as for Brightness
	Hue        float64 `json:"hue"`        // h ≤ 0.5: the shift is uniform in [−h, h], in turns of the color wheel
}

// GaussianBlur is torchvision's GaussianBlur inside RandomApply(P).
type GaussianBlur struct {
	P      float64    `json:"p"`
	Sigma  [2]float64 `json:"sigma"`            // range in pixels, uniform
	Kernel int        `json:"kernel,omitempty"` // odd side of the kernel; 0: 2·⌊size/20⌋ + 1, a tenth of the size (SimCLR), at least 3
}

// Solarize inverts values at or above the threshold: torchvision's RandomSolarize on 0 … 1.
type Solarize struct {
	P         float64 `json:"p"`
	Threshold float64 `json:"threshold"`
}

// RandomErasing sets a random box of the finished view to the data set's mean: torchvision's RandomErasing(value=0) after Normalize.
type RandomErasing struct {
	P     float64    `json:"p"`
	Scale [2]float64 `json:"scale"` // range of the box's fraction of the view's area; torchvision's default: 0.02 to 0.33
	Ratio [2]float64 `json:"ratio"` // range of height over width, log-uniform; torchvision's default: 0.3 to 3.3
}

// PatchMask sets round(Ratio · patches) patches of the view, chosen uniformly without replacement, to the data set's mean (MAE: He et
// al. 2021, arXiv:2111.06377, section 3). The same Spec without the mask, drawn with the same Draw, gives the unmasked view.
type PatchMask struct {
	Patch int     `json:"patch"` // side of a patch in pixels; must divide the view's size
	Ratio float64 `json:"ratio"` // fraction of patches that are masked
}

// Jigsaw cuts the view into Grid × Grid cells of ⌊size/Grid⌋ pixels, takes a tile that is Gap pixels smaller from a random position in
// each cell, and permutes the tiles: output tile t shows cell perm[t]. The target is the index of the permutation.
type Jigsaw struct {
	Grid         int `json:"grid"`
	Gap          int `json:"gap"`
	Permutations int `json:"permutations"` // number of permutations to draw from: see Permutations
}

// FrameOrder permutes the frames of a sample: a view with Frame f shows frame perm[f]. The permutation is drawn once per sample; its
// index is the target of all views of the sample.
type FrameOrder struct {
	Frames       int `json:"frames"`
	Permutations int `json:"permutations"` // as in Jigsaw
}

// RowWidth returns the number of floats in a row: 24 plus those of the jigsaw or the mask, rounded up to a multiple of 4.
func (s Spec) RowWidth() int {
	extra := 0
	switch {
	case s.Jigsaw != nil:
		extra = s.Jigsaw.Grid * s.Jigsaw.Grid
	case s.PatchMask != nil:
		extra = (s.patches() + maskBits - 1) / maskBits
	}
	return Columns + (extra+3)&^3
}

func (s Spec) patches() int {
	side := s.Size / s.PatchMask.Patch
	return side * side
}

// TargetClasses returns the number of classes of the target that Row returns; 0 if the Spec has no target.
func (s Spec) TargetClasses() int {
	switch {
	case s.FrameOrder != nil:
		return s.FrameOrder.Permutations
	case s.Jigsaw != nil:
		return s.Jigsaw.Permutations
	case s.Rotation != nil && len(s.Rotation.Turns) > 1:
		return len(s.Rotation.Turns)
	}
	return 0
}

// BlurKernel returns the side of the Gaussian kernel in pixels; 0 if the Spec never blurs.
func (s Spec) BlurKernel() int {
	switch b := s.GaussianBlur; {
	case b == nil || b.P == 0:
		return 0
	case b.Kernel != 0:
		return b.Kernel
	}
	return max(3, s.Size/20*2+1)
}

// Bicubic reports whether the view is resized with bicubic interpolation.
func (s Spec) Bicubic() bool { return slices.Contains(s.interpolations(), "bicubic") }

func (s Spec) interpolations() (names []string) {
	if c := s.RandomResizedCrop; c != nil {
		names = append(names, c.Interpolation)
	}
	if c := s.CenterCrop; c != nil {
		names = append(names, c.Interpolation)
	}
	if c := s.RandomCrop; c != nil {
		names = append(names, c.Interpolation)
	}
	if c := s.ZoomSequence; c != nil {
		names = append(names, c.Interpolation)
	}
	return names
}

// Tiles returns the jigsaw's grid and the side of a tile in pixels; zeros without a jigsaw.
func (s Spec) Tiles() (grid, tile int) {
	if j := s.Jigsaw; j != nil {
		return j.Grid, s.Size/j.Grid - j.Gap
	}
	return 0, 0
}

// MaskPatch returns the side of the mask's patches in pixels; 0 without a mask.
func (s Spec) MaskPatch() int {
	if s.PatchMask == nil {
		return 0
	}
	return s.PatchMask.Patch
}

// masked returns the number of masked patches.
func (m PatchMask) masked(patches int) int { return int(math.RoundToEven(m.Ratio * float64(patches))) }
