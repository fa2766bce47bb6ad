package ssl

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// MAE predicts removed patches of an image from the others (He et al. 2022, arXiv:2111.06377; facebookresearch/mae, models_mae.py):
//
//	loss = mean over the removed patches, and over the numbers of a patch, of (ŷ − y)²,    y = (v − mean)/√(variance + 1e-6)
//
// v are the pixels of a patch as the network sees them, with their own mean and unbiased variance. The encoder, which is the backbone, sees the class token and
// ⌊L·(1 − MaskRatio)⌋ of the L patches, drawn anew for each image and step. The decoder (net.ViTDecoder) sees their tokens, with mask tokens in the places of the
// others; it is not exported. The authors' code also predicts visible patches and then gives them no weight, which is the same loss.
//
// The collapse watch sees the features of the visible patches, since an image without a mask would take another pass of the encoder. Their mean over the batch
// is subtracted: it is that of the positions and the background, and with it a healthy run has a cosine of 0.99 between images.
//
// Features are the mean of all patches' tokens (--pool mean). They are less separable by a linear classifier than those of contrastive methods, and gain more
// from fine-tuning (paper, section 4.3).
type MAE struct {
	MaskRatio  float64 `flag:"mask-ratio" help:"fraction of the patches that are removed (paper: 0.75)" want:"above 0, below 1"`
	NormPixels bool    `flag:"norm-pixels" help:"predict the pixels of a patch with their mean subtracted and divided by their deviation, instead of the pixels themselves (paper: yes)"`
	Width      int     `flag:"decoder-dim" help:"width of the decoder's tokens (paper: 512)" want:"at least 4, at most 4096"`
	Depth      int     `flag:"decoder-depth" help:"blocks of the decoder (paper: 8)" want:"at least 1, at most 100"`
	Heads      int     `flag:"decoder-heads" help:"attention heads of the decoder's blocks; 0: one for every 32 features (paper: 16 of 512)" want:"at least 0, at most 256"`
}

var (
	_ Method         = (*MAE)(nil)
	_ Tuned          = (*MAE)(nil)
	_ NetworkChooser = (*MAE)(nil)
	_ Masked         = (*MAE)(nil)
)

func init() {
	Register("mae", "He et al. 2022, arXiv:2111.06377: predict the pixels of removed patches from the visible ones, which are all that the encoder sees",
		&MAE{MaskRatio: 0.75, NormPixels: true, Width: 128, Depth: 4})
}

// Views returns the view of the preset "mae" without its mask, because the target is the whole view.
func (m *MAE) Views(in views.Input) ([]views.Spec, error) { return views.Unmasked(in), nil }

// Network returns a vision transformer whose features are the mean of the patch tokens, with fixed positions and Xavier's initial values.
func (m *MAE) Network() (arch string, settings map[string]any) {
	return "vit-tiny", map[string]any{"pool": "mean", "positions": "sincos", "xavier": true}
}

// CheckNetwork returns an error for networks without patches.
func (m *MAE) CheckNetwork(c net.Config) error {
	if _, ok := net.PatchSize(c.Arch); !ok {
		return fmt.Errorf("ssl: --arch %s: mae needs a vision transformer, whose patches it removes: choose --arch vit-tiny, vit-small or vit-base", c.Name)
	}
	return nil
}

// Defaults sets a decoder of two thirds of the encoder's width, as the paper's of 512 after 768, and at most that wide. It has the paper's 8 blocks after such
// an encoder, and 4 after narrower ones, as in IcarusWizard/MAE and in stable-pretraining (benchmarks/imagenet10). Short runs learn more at a higher rate
// (bench/RESULTS.md).
func (m *MAE) Defaults(s Scale) Settings {
	m.Width, m.Depth = min(max((2*s.Dim/3+16)/32, 1)*32, 512), 4
	if s.Dim >= 768 {
		m.Depth = 8
	}
	o := usual("adamw", s)
	o.Decay, o.Beta2 = 0.05, 0.95
	_, o.Backbone = m.Network()
	if s.Shown() < ShortRun {
		o.LR *= 4
	}
	return o
}

// Loss returns the mean squared error of the removed patches.
func (m *MAE) Loss(s *Step) *kernels.Tensor {
	r, removed := m.predict(s, net.Train)
	return m.distance(r.Patches, s.Views[0], removed, r.Side)
}

// distance returns the mean squared error of the predicted patches [N R P], whose numbers in a view are removed [N·R].
func (m *MAE) distance(predicted, view, removed *kernels.Tensor, side int) *kernels.Tensor {
	return kernels.MeanSquare(kernels.AddScaled(predicted, kernels.Patches(view, removed, side, m.NormPixels), -1))
}

// predict returns the predictions of the removed patches of the view, and the numbers of these patches [N·R].
func (m *MAE) predict(s *Step, mode net.Mode) (r Reconstruction, removed *kernels.Tensor) {
	requireViews("mae", s, 1)
	encoder, ok := net.Patches(s.Backbone)
	if !ok {
		panic(&kernels.BuildError{Op: "mae", Msg: "it needs a vision transformer, whose patches it removes: choose --arch vit-tiny"})
	}
	view, side := s.Views[0], encoder.PatchSize()
	rows, columns := view.Dim(1)/side, view.Dim(2)/side
	k := newMask(s.N, rows*columns, m.MaskRatio)
	name := s.Graph.Draw("mask", k.draw)
	input := func(part string, numbers int) *kernels.Tensor {
		return s.Graph.Input(name+part, kernels.I32, s.N*numbers)
	}
	x := encoder.MapTokens(view, input(keptTokens, 1+k.visible), mode)
	s.Observe(kernels.CenterColumns(encoder.Pool(x, mode)), nil)
	decoder := s.Heads.ViTDecoder(net.ViTDecoderConfig{In: x.Width(), Out: side * side * view.Dim(3), Rows: rows, Columns: columns,
		Width: m.Width, Depth: m.Depth, Heads: m.Heads})
	removed = input(removedPatches, k.patches-k.visible)
	return Reconstruction{decoder.Forward(x, input(restoredTokens, 1+k.patches), removed, mode), name + removedPatches, side, m.NormPixels}, removed
}

// The inputs of a mask, behind the name of its draw.
const (
	keptTokens     = ".kept"    // the tokens that the encoder sees: the class token, which is 0, and 1 + the number of a patch
	restoredTokens = ".restore" // for each token of an image the place in those that the encoder sees, −1 for a removed patch
	removedPatches = ".removed" // the numbers of the removed patches
)

// mask draws which patches of each image the encoder sees.
type mask struct{ images, patches, visible int }

func newMask(images, patches int, ratio float64) mask {
	k := mask{images, patches, int(float64(patches) * (1 - ratio))}
	if k.visible < 1 || k.visible >= patches {
		panic(&kernels.BuildError{Op: "mae", Msg: fmt.Sprintf("a mask ratio of %g leaves %d of %d patches visible: want at least 1, and fewer than all: use larger views, smaller patches or another --mask-ratio",
			ratio, k.visible, patches)})
	}
	return k
}

// draw shuffles the patches of each image and fills the inputs. The first patches in the new order are visible.
func (k mask) draw(r *kernels.Run, name string, src *rng.Source) {
	kept, restored, removed := r.Ints(name+keptTokens), r.Ints(name+restoredTokens), r.Ints(name+removedPatches)
	for i := range k.images {
		k.fill(src.Perm(k.patches), kept[i*(1+k.visible):], restored[i*(1+k.patches):], removed[i*(k.patches-k.visible):])
	}
}

// fill writes the numbers of one image.
func (k mask) fill(order []int, kept, restored, removed []int32) {
	kept[0], restored[0] = 0, 0
	for at, patch := range order {
		if at < k.visible {
			kept[1+at], restored[1+patch] = int32(1+patch), int32(1+at)
		} else {
			removed[at-k.visible], restored[1+patch] = int32(patch), -1
		}
	}
}
