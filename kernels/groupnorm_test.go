package kernels_test

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

func TestGroupNormRejectsGroupsOfPartialVectors(t *testing.T) {
	for _, c := range []struct{ width, groups int }{{8, 4}, {12, 2}, {8, 3}, {6, 2}, {8, 0}} {
		_, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
			st := g.Store()
			kernels.GroupNorm(g.Input("x", kernels.F32, 2, c.width), st.Param("gamma", ones(c.width), c.width), st.Param("beta", ones(c.width), c.width), c.groups, 1e-5, nil, false)
		})
		if err == nil || !strings.Contains(err.Error(), "groups: want one") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
