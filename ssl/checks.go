package ssl

import (
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
)

// wholeAndEqual reports whether each of the views shows one whole image per sample, and all have one size.
func wholeAndEqual(s *Step, views []*kernels.Tensor) bool {
	return !slices.ContainsFunc(views, func(v *kernels.Tensor) bool { return v.Dim(0) != s.N || !slices.Equal(v.Shape(), views[0].Shape()) })
}

// requireViews panics unless the views are n whole views of one size.
func requireViews(method string, s *Step, n int) {
	if len(s.Views) != n || !wholeAndEqual(s, s.Views) {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("%d views: the method compares %d whole views of one size: change --views or --method", len(s.Views), n)})
	}
}

// requireMultiCrop panics unless the views are two whole global views of one size, and then local ones of one size.
func requireMultiCrop(method string, s *Step) {
	if len(s.Views) < 2 || !wholeAndEqual(s, s.Views[:2]) || !wholeAndEqual(s, s.Views[2:]) {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("%d views: want two whole global views of one size, then local ones of another: change --views or --method", len(s.Views))})
	}
}

// requireTargets panics if the first view has no target.
func requireTargets(method string, s *Step) {
	if s.Targets[0] == nil {
		panic(&kernels.BuildError{Op: method, Msg: "the views have no targets to predict: start from the preset of this name, or change --method"})
	}
}

// requireWholeViews panics unless there are two views or more, and all are whole.
func requireWholeViews(method string, s *Step) {
	if len(s.Views) < 2 || slices.ContainsFunc(s.Views, func(v *kernels.Tensor) bool { return v.Dim(0) != s.N }) {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("%d views: the method compares two whole views or more: change --views or --method", len(s.Views))})
	}
}
