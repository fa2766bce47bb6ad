package eval

import "gonum.org/v1/gonum/stat"

// RankCorrelation returns Spearman's ρ of a and b, of equal length: the linear correlation of their ranks, from −1 to 1, where equal numbers share the mean of
// their ranks. It is NaN if all numbers of one are equal (Spearman 1904, "The proof and measurement of association between two things").
func RankCorrelation(a, b []float64) float64 { return stat.Correlation(ranks(a), ranks(b), nil) }

func ranks(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		for _, other := range v {
			switch {
			case other < x:
				out[i]++
			case other == x:
				out[i] += 0.5
			}
		}
	}
	return out
}
