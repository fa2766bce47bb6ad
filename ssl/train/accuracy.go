package train

import (
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// chance returns the accuracy of random guesses.
func chance(q ssl.Requests) float64 {
	if q.HasPairs {
		return 1 / float64(q.Embeddings.Rows()-1)
	}
	if q.Logits != nil {
		return 1 / float64(q.Logits.Width())
	}
	return 0
}

// score counts predictions.
type score struct{ correct, total int }

// fraction returns the fraction of correct predictions, NaN without any.
func (c score) fraction() float64 {
	if c.total == 0 {
		return math.NaN()
	}
	return float64(c.correct) / float64(c.total)
}

// count adds the predictions of a completed micro-batch.
func (c *score) count(s *ssl.Step, r *kernels.Run) {
	q := s.Requests
	if q.Logits == nil {
		return
	}
	input := "labels"
	if q.TargetView != ssl.LabelTargets {
		input = targetName(q.TargetView)
	}
	logits, stride := r.Output("logits"), q.Logits.Stride()
	for n, target := range r.Ints(input)[:q.Logits.Rows()] {
		if target < 0 {
			continue
		}
		row := logits[n*stride:][:q.Logits.Width()]
		if c.total++; ArgMax(row) == int(target) {
			c.correct++
		}
	}
}

// maxRows is the largest number of rows that nearestIsPositive samples, so that its cost grows with the batch and not with its square.
const maxRows = 512

// nearestIsPositive returns the fraction of up to maxRows sampled rows of z [2N d] whose nearest neighbor by cosine is their positive, the other view of
// the same image. Near-ties count as wrong.
func nearestIsPositive(z []float32, d int) float64 {
	rows := len(z) / d
	unit := make([]float64, len(z))
	for at := 0; at < len(z); at += d {
		square := 0.0
		for _, v := range z[at : at+d] {
			square += float64(float64(v) * float64(v))
		}
		for j, v := range z[at : at+d] {
			unit[at+j] = float64(v) / max(math.Sqrt(square), 1e-12)
		}
	}
	sampled := min(rows, maxRows)
	correct := make([]int, sampled)
	parallel.Each(sampled, func(i int) {
		correct[i] = positiveIsNearest(unit, d, i*rows/sampled)
	})
	sum := 0
	for _, v := range correct {
		sum += v
	}
	return float64(sum) / float64(sampled)
}

// rounding bounds the rounding error of a cosine in float32.
const rounding = 1e-6

// positiveIsNearest returns 1 if a row's positive is nearer to it than every other row, else 0.
func positiveIsNearest(unit []float64, d, row int) int {
	rows := len(unit) / d
	cosine := func(other int) (sum float64) {
		x := unit[other*d:][:d]
		for j, v := range unit[row*d:][:d] {
			sum += float64(v * x[j])
		}
		return sum
	}
	positive := (row + rows/2) % rows
	near := cosine(positive)
	for other := range rows {
		if other != row && other != positive && !(cosine(other) < near-rounding) {
			return 0
		}
	}
	return 1
}

// ArgMax returns the index of the largest value, the first of equal ones.
func ArgMax(row []float32) int {
	best := 0
	for k, v := range row {
		if v > row[best] {
			best = k
		}
	}
	return best
}
