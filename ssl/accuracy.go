package ssl

import (
	"math"
	"slices"

	"marr/kernels"
	"marr/ssl/parallel"
)

// Classify is the mean cross entropy of logits [N K] against one of Targets, or Labels, of which −1 do not count. The run tells the share of right
// answers.
func (s *Step) Classify(logits, targets *kernels.Tensor) *kernels.Tensor {
	s.logits, s.answers = logits, "labels"
	if v := slices.Index(s.Targets, targets); v >= 0 {
		s.answers = targetName(v)
	}
	return kernels.CrossEntropy(logits, targets)
}

// ObservePairs shows the collapse watch embeddings z [2N D] of two views, of which rows n and N+n are of one image: it looks at the first view's, and at
// the share of rows that are told from all others as the other view.
func (s *Step) ObservePairs(z *kernels.Tensor) {
	s.Observe(z, nil)
	s.pairs = true
}

// chance is the accuracy of guessing.
func (s *Step) chance() float64 {
	if s.pairs {
		return 1 / float64(s.seen.Rows()-1)
	}
	if s.logits != nil {
		return 1 / float64(s.logits.Width())
	}
	return 0
}

// score counts answers.
type score struct{ right, of int }

// share is that of right answers, NaN of none.
func (c score) share() float64 {
	if c.of == 0 {
		return math.NaN()
	}
	return float64(c.right) / float64(c.of)
}

// mark adds the answers of a micro-batch that is over.
func (c *score) mark(s *Step, r *kernels.Run) {
	if s.logits == nil {
		return
	}
	logits, stride := r.Output("logits"), s.logits.Stride()
	for n, want := range r.Ints(s.answers)[:s.logits.Rows()] {
		if want < 0 {
			continue
		}
		row, best := logits[n*stride:][:s.logits.Width()], 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		if c.of++; best == int(want) {
			c.right++
		}
	}
}

// maxAsked bounds the rows that told asks about, so that it costs as much as the batch, not its square.
const maxAsked = 512

// told is the share of the rows of z [2N d], at most 512 at even distances, whose nearest other row (cosine) is the other view of their image, nearer
// than all others by more than float32 rounds: where all are alike none is told.
func told(z []float32, d int) float64 {
	rows := len(z) / d
	unit := make([]float64, len(z))
	for at := 0; at < len(z); at += d {
		square := 0.0
		for _, v := range z[at : at+d] {
			square += float64(v) * float64(v)
		}
		for j, v := range z[at : at+d] {
			unit[at+j] = float64(v) / max(math.Sqrt(square), 1e-12)
		}
	}
	asked := min(rows, maxAsked)
	right := make([]int, asked)
	parallel.Each(asked, func(i int) {
		right[i] = tells(unit, d, i*rows/asked)
	})
	sum := 0
	for _, v := range right {
		sum += v
	}
	return float64(sum) / float64(asked)
}

const rounding = 1e-6 // of a cosine

// tells is 1 where no other row is as near to a row as the other view, else 0.
func tells(unit []float64, d, row int) int {
	rows := len(unit) / d
	cosine := func(other int) (sum float64) {
		x := unit[other*d:][:d]
		for j, v := range unit[row*d:][:d] {
			sum += v * x[j]
		}
		return sum
	}
	partner := (row + rows/2) % rows
	near := cosine(partner)
	for other := range rows {
		if other != row && other != partner && !(cosine(other) < near-rounding) {
			return 0
		}
	}
	return 1
}
