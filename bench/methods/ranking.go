package methods

import (
	"fmt"
	"math"
	"strings"
)

// RankingCases returns runs of LeJEPA with two views that differ in λ, learning rate and epochs, to test the claim that its loss ranks runs by their accuracy
// (Balestriero and LeCun 2025, arXiv:2511.08544).
func RankingCases() (cases []Case) {
	for _, x := range []struct {
		lambda, lr float64
		epochs     int
	}{
		{0.02, 2e-3, 1}, {0.1, 2e-3, 1}, {0.5, 2e-3, 1}, {0.002, 2e-3, 1}, {0.02, 2e-4, 1}, {0.02, 1e-2, 1}, {0.1, 1e-2, 1}, {0.1, 2e-3, 2},
	} {
		c := Case{Name: fmt.Sprintf(rankingPrefix+"lambda-%g-lr-%g-epochs-%d", x.lambda, x.lr, x.epochs), Config: demoConfig(0), Views: twoViews}
		c.Group = fmt.Sprintf("LeJEPA, λ %g, rate %g, epochs %d", x.lambda, x.lr, x.epochs)
		c.Config.Method, c.Config.LR, c.Config.Epochs = "lejepa", x.lr, x.epochs
		c.Options = map[string]any{"lambda": x.lambda}
		cases = append(cases, c)
	}
	return cases
}

const rankingPrefix = "ranking-" // of the names of RankingCases

// fewestRanked is the smallest number of runs whose ranks are compared.
const fewestRanked = 5

// rankings returns a line about the runs of LeJEPA, and one about those of PyTorch: Spearman's rank correlation of linear10 with scores that need no labels.
// One of them is the loss, from high to low, once divided by λ^0.4, by which the paper compares runs of different λ. There is no line about few runs.
func (c *Comparison) rankings() (lines []string) {
	var marr, pytorch ranking
	for _, x := range c.Runs {
		lambda, ok := x.Config.Options["lambda"].(float64)
		if !strings.HasPrefix(x.Name, rankingPrefix) || !ok || x.Linear10 == 0 { // a run that stopped at a non-finite value has no scores
			continue
		}
		marr.add(lambda, x.Outcome)
		if x.Peer != nil {
			pytorch.add(lambda, x.Peer.Outcome)
		}
	}
	for _, r := range []struct {
		of string
		ranking
	}{{"LeJEPA", marr}, {"LeJEPA in PyTorch", pytorch}} {
		if len(r.accuracy) >= fewestRanked {
			lines = append(lines, fmt.Sprintf("%s, %d runs: Spearman's rank correlation with linear10: −loss %.2f, −loss/λ^0.4 %.2f, RankMe %.2f", r.of, len(r.accuracy),
				spearman(r.loss, r.accuracy), spearman(r.scaled, r.accuracy), spearman(r.rank, r.accuracy)))
		}
	}
	return lines
}

// ranking holds the scores of some runs.
type ranking struct{ loss, scaled, rank, accuracy []float64 }

func (r *ranking) add(lambda float64, o Outcome) {
	r.loss, r.scaled = append(r.loss, -o.Loss), append(r.scaled, -o.Loss/math.Pow(lambda, 0.4))
	r.rank, r.accuracy = append(r.rank, o.Rank), append(r.accuracy, o.Linear10)
}

// spearman is the correlation of the ranks of a and b. Equal numbers share the mean of their ranks.
func spearman(a, b []float64) float64 {
	x, y := ranks(a), ranks(b)
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mean(x), y[i]-mean(y)
		xy, xx, yy = xy+dx*dy, xx+dx*dx, yy+dy*dy
	}
	return xy / math.Sqrt(xx*yy)
}

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
