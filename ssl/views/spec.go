package views

import (
	"math"
	"slices"
)

// Input says what a recipe's views are made of.
type Input struct {
	Size     int // side of a view in pixels
	Channels int // 1 or 3
	Frames   int // images in one sample: 1, unless the data set is of clips
}

// Spec is what happens to one view. Its ops are applied in the order of its fields; nil and 0 leave an op out. At most one op crops;
// without one the view is CenterCrop{}. The names in TOML and JSON are torchvision's in snake case.
type Spec struct {
	Frame             int                `json:"frame"` // which image of the sample it shows, with Approach which moment; with FrameOrder, which place of the drawn order
	Size              int                `json:"size"`  // side of the view in pixels
	RandomResizedCrop *RandomResizedCrop `json:"random_resized_crop,omitempty"`
	CenterCrop        *CenterCrop        `json:"center_crop,omitempty"`
	RandomCrop        *RandomCrop        `json:"random_crop,omitempty"`
	ZoomSequence          *ZoomSequence          `json:"approach,omitempty"`
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
	Scale         [2]float64 `json:"scale"`                   // range of the box's share of the image's area, uniform; torchvision's default: 0.08 to 1
	Ratio         [2]float64 `json:"ratio"`                   // range of width over height, uniform in its logarithm; torchvision's default: 3/4 to 4/3
	Interpolation string     `json:"interpolation,omitempty"` // bilinear (also "") or bicubic; antialiased, unlike torchvision's default for tensors
}

// CenterCrop resizes the short side and takes the middle: torchvision's Resize(Resize), then CenterCrop(Size), black where the image does not reach.
type CenterCrop struct {
	Resize        int    `json:"resize,omitempty"` // short side in pixels, 0: the view's size
	Interpolation string `json:"interpolation,omitempty"`
}

// RandomCrop resizes the short side, adds a black border and takes a random window: torchvision's Resize(Resize), then
// RandomCrop(Size, Padding).
type RandomCrop struct {
	Resize        int    `json:"resize,omitempty"` // short side in pixels, 0: the view's size
	Padding       int    `json:"padding"`          // pixels on each side
	Interpolation string `json:"interpolation,omitempty"`
}

// Rotation turns the view counter-clockwise by a multiple of 90 degrees, exactly. The target is the place of the drawn turn in
// Turns, which is the turn itself for 0, 1, 2, 3. One turn alone is fixed and no target.
type Rotation struct {
	Turns []int `json:"turns"` // quarter turns 0 to 3 to draw from, uniformly
}

// ColorJitter is torchvision's ColorJitter inside RandomApply(P): four ops in random order. An op of strength 0 is left out.
type ColorJitter struct {
	P          float64 `json:"p"`
	Brightness float64 `json:"brightness"` // the factor is uniform in [max(0, 1−b), 1+b]
	Contrast   float64 `json:"contrast"`   // likewise
	Saturation float64 `json:"saturation"` // likewise
	Hue        float64 `json:"hue"`        // the shift is uniform in [−h, h], in turns, h ≤ 0.5
}

// GaussianBlur is torchvision's GaussianBlur inside RandomApply(P).
type GaussianBlur struct {
	P      float64    `json:"p"`
	Sigma  [2]float64 `json:"sigma"`            // range in pixels, uniform
	Kernel int        `json:"kernel,omitempty"` // odd side of the kernel; 0: 2·⌊size/20⌋ + 1, a tenth of the size (SimCLR), at least 3
}

// Solarize inverts what is as bright as the threshold or brighter: torchvision's RandomSolarize on 0 … 1.
type Solarize struct {
	P         float64 `json:"p"`
	Threshold float64 `json:"threshold"`
}

// RandomErasing sets a random box of the finished view to the data set's mean: torchvision's RandomErasing(value=0) after Normalize.
type RandomErasing struct {
	P     float64    `json:"p"`
	Scale [2]float64 `json:"scale"` // range of the box's share of the view's area; torchvision's default: 0.02 to 0.33
	Ratio [2]float64 `json:"ratio"` // range of height over width, uniform in its logarithm; torchvision's default: 0.3 to 3.3
}

// PatchMask sets round(Ratio · patches) of the view's patches to the mean, each choice of so many as likely as any other
// (MAE: He et al. 2021, arXiv:2111.06377, section 3). A Spec that is the same but for the mask, drawn with the same Draw, shows the
// same view unmasked.
type PatchMask struct {
	Patch int     `json:"patch"` // side of a patch in pixels, divides the view's size
	Ratio float64 `json:"ratio"` // share that is masked
}

// Jigsaw cuts the view into Grid × Grid cells of ⌊size/Grid⌋ pixels, takes from each a tile that is Gap pixels smaller, at a random
// place, and puts them in a drawn order: output tile t shows cell perm[t]. The target is the number of the permutation.
type Jigsaw struct {
	Grid         int `json:"grid"`
	Gap          int `json:"gap"`
	Permutations int `json:"permutations"` // how many there are to draw from: the set that Permutations makes
}

// FrameOrder shuffles the frames of a sample: a view of frame f shows frame perm[f]. The permutation is drawn once a sample, its
// number is the target of all the sample's views.
type FrameOrder struct {
	Frames       int `json:"frames"`
	Permutations int `json:"permutations"` // as in Jigsaw
}

// RowWidth returns the floats of a row: 24, then those of the jigsaw or the mask, to a multiple of 4.
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

// TargetClasses returns the number of classes of the target that Row returns, 0 where it draws none.
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

// BlurKernel returns the side of the Gaussian kernel in pixels, 0 where no row blurs.
func (s Spec) BlurKernel() int {
	switch b := s.GaussianBlur; {
	case b == nil || b.P == 0:
		return 0
	case b.Kernel != 0:
		return b.Kernel
	}
	return max(3, s.Size/20*2+1)
}

// Bicubic says whether the view is resized bicubically.
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

// Tiles returns the jigsaw's grid and the side of a tile in pixels, zeros without one.
func (s Spec) Tiles() (grid, tile int) {
	if j := s.Jigsaw; j != nil {
		return j.Grid, s.Size/j.Grid - j.Gap
	}
	return 0, 0
}

// MaskPatch returns the side of a patch of the mask in pixels, 0 without one.
func (s Spec) MaskPatch() int {
	if s.PatchMask == nil {
		return 0
	}
	return s.PatchMask.Patch
}

// masked returns how many patches are masked.
func (m PatchMask) masked(patches int) int { return int(math.RoundToEven(m.Ratio * float64(patches))) }
