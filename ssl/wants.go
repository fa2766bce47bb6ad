package ssl

import (
	"fmt"
	"slices"

	"marr/kernels"
)

// wantViews refuses recipes that are not n whole views of one size.
func wantViews(method string, s *Step, n int) {
	whole := len(s.Views) == n
	for _, v := range s.Views {
		whole = whole && v.Dim(0) == s.N && slices.Equal(v.Shape(), s.Views[0].Shape())
	}
	if !whole {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("%d views: it compares %d whole views of one size: change the recipe, or the method", len(s.Views), n)})
	}
}

// wantTargets refuses recipes whose first view draws nothing to be told.
func wantTargets(method string, s *Step) {
	if s.Targets[0] == nil {
		panic(&kernels.BuildError{Op: method, Msg: "the views draw nothing to be told: start from the recipe of this name, or change the method"})
	}
}
