package ssl

import (
	"fmt"
	"slices"

	"marr/kernels"
)

// requireViews panics unless the views are n whole views of one size.
func requireViews(method string, s *Step, n int) {
	whole := len(s.Views) == n
	for _, v := range s.Views {
		whole = whole && v.Dim(0) == s.N && slices.Equal(v.Shape(), s.Views[0].Shape())
	}
	if !whole {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("%d views: the method compares %d whole views of one size: change --views or --method", len(s.Views), n)})
	}
}

// requireTargets panics if the first view has no target.
func requireTargets(method string, s *Step) {
	if s.Targets[0] == nil {
		panic(&kernels.BuildError{Op: method, Msg: "the views have no targets to predict: start from the preset of this name, or change --method"})
	}
}
