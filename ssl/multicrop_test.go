package ssl

import (
	"fmt"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// rowsOfPasses is a backbone that counts the rows of each pass.
type rowsOfPasses []int

func (r *rowsOfPasses) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor {
	*r = append(*r, x.Dim(0))
	return kernels.GlobalAvgPool(x)
}

func TestConsecutiveViewsOfOneSizeShareBatchStatistics(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	for want, sizes := range map[string][]int{"[8]": {6, 6, 6, 6}, "[4 6]": {6, 6, 4, 4, 4}, "[2 4 2]": {6, 4, 4, 6}} {
		var passes rowsOfPasses
		var features []int
		prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
			var views []*kernels.Tensor
			for v, size := range sizes {
				views = append(views, g.Input(fmt.Sprint("view", v), kernels.F32, 2, size, size, 3))
			}
			h := multiCrop(&passes, views)
			features = h.Shape()
			g.Output("h", h)
		})
		if err != nil {
			t.Fatal(err)
		}
		prog.Free()
		if got := fmt.Sprint([]int(passes)); got != want || !slices.Equal(features, []int{2 * len(sizes), 3}) {
			t.Errorf("views of %d pixels: passes of %s rows, features %v, want %s", sizes, got, features, want)
		}
	}
}
