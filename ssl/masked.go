package ssl

import (
	"errors"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// Masked is a Method that predicts patches of its view which the network does not see.
type Masked interface {
	Method
	// CheckViews returns an error for views that are masked already.
	CheckViews(specs []views.Spec) error
	// Shown returns the views with masks like those of a run, of patches of this side in pixels, to look at them.
	Shown(specs []views.Spec, side int) []views.Spec
	// Reconstruct records the prediction of the removed patches of a step's view, in inference mode.
	Reconstruct(s *Step) Reconstruction
}

// Reconstruction is the prediction of removed patches.
type Reconstruction struct {
	Patches    *kernels.Tensor // [N R P]: the P numbers of each removed patch, row by row, with the channels of a pixel next to each other
	Removed    string          // the input with the numbers of these patches [N·R] (I32), row by row
	Side       int             // of a patch, in pixels
	Normalized bool            // the mean of a patch is subtracted, and its deviation divides it, as in kernels.Patches
}

// CheckViews refuses a patch mask in the view, which would be part of the target.
func (m *MAE) CheckViews(specs []views.Spec) error {
	for _, s := range specs {
		if s.PatchMask != nil {
			return errors.New("ssl: --views: mae removes patches itself, and the mask of the view would be part of what it predicts: remove patch_mask")
		}
	}
	return nil
}

// Shown masks patches of the view if they cover all of it.
func (m *MAE) Shown(specs []views.Spec, side int) []views.Spec {
	s := specs[0]
	if s.Size%side == 0 {
		s.PatchMask = &views.PatchMask{Patch: side, Ratio: m.MaskRatio}
	}
	return []views.Spec{s}
}

// Reconstruct returns the predictions.
func (m *MAE) Reconstruct(s *Step) Reconstruction {
	r, _ := m.predict(s, net.Eval)
	return r
}
