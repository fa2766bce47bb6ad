package ssl

import (
	"fmt"
	"slices"

	"marr/kernels"
)

// requireViews refuses recipes that are not n whole views of one size.
func requireViews(method string, s *Step, n int) {
	whole := len(s.Views) == n
	for _, v := range s.Views {
		whole = whole && v.Dim(0) == s.N && slices.Equal(v.Shape(), s.Views[0].Shape())
	}
	if !whole {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("%d views: it compares %d whole views of one size: change the recipe, or the method", len(s.Views), n)})
	}
}

// requireTargets refuses recipes whose first view draws no target.
func requireTargets(method string, s *Step) {
	if s.Targets[0] == nil {
		panic(&kernels.BuildError{Op: method, Msg: "the views draw no targets to predict: start from the recipe of this name, or change the method"})
	}
}
