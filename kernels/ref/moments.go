package ref

import (
	"cmp"
	"math"
	"slices"
)

// MomentLoss is mean_d μ_d² + (σ_d − 1)² for the mean μ and the deviation σ of each column of x [N D]; result [1]. inverses [D] are 1/σ.
// Source: HaiyuWu/visreg, losses/visreg.py.
func MomentLoss(x *Tensor) (loss, inverses *Tensor) {
	mean, centered, d := ColumnMean(x), CenterColumns(x), float64(x.Last())
	loss, inverses = New(1), New(x.Last())
	for c := range x.Last() {
		variance := 0.0
		for r := range x.Rows() {
			v := centered.Row(r)[c]
			variance += v * v / float64(x.Rows())
		}
		deviation := max(math.Sqrt(variance), 1e-6)
		loss.Data[0] += (mean.Data[c]*mean.Data[c] + (deviation-1)*(deviation-1)) / d
		inverses.Data[c] = 1 / deviation
	}
	return loss, inverses
}

// NormalScores is Φ⁻¹(r/(N + 1)) for the rank r, from 1 on, of each number in its row; x and y [M N]. Of equal numbers the first has the lowest rank.
func NormalScores(x *Tensor) *Tensor {
	y, n := New(x.Shape...), x.Last()
	order := make([]int, n)
	for r := range x.Rows() {
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x.Row(r)[a], x.Row(r)[b]) })
		for rank, i := range order {
			y.Row(r)[i] = math.Sqrt2 * math.Erfinv(2*float64(rank+1)/float64(n+1)-1)
		}
	}
	return y
}
