package watch

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// maxRows is the maximum number of rows that Measure reads, so that its cost does not depend on the batch.
const maxRows = 512

// Sample holds the state of a run at one step.
type Sample struct {
	Z           []float32 // embeddings of one view [N D], or features of the backbone; need not be normalized
	N, D        int
	Teacher     []float32 // the teacher's probabilities [M K] of some M images; nil if the method has no teacher
	K           int
	Loss        float64 // checked for a contrastive loss that stands still; others are near their minimum both after learning and after a collapse
	Candidates  int     // embeddings among which a contrastive loss looks for the positive: guessing has the loss ln(Candidates); 0: the loss is another
	Accuracy    float64 // of the contrastive or pretext task, 0 … 1; NaN if there is none
	Chance      float64 // accuracy of guessing
	Step, Steps int     // steps done, steps of the run
}

// Metrics holds the metrics of a sample; the package comment has the formulas. Undefined metrics are NaN: those of embeddings if there are
// fewer than two or one is not finite, those of the teacher without a teacher, Accuracy without a task.
type Metrics struct {
	Std             float64 // of z/‖z‖ over images, mean over the D coordinates
	UniformStd      float64 // 1/√D: Std of embeddings uniform on the sphere
	Rank            float64 // RankMe, 1 … min(N, D); 0 if all embeddings are zero
	MaxRank         float64 // min(N, D), N at most 512
	Cosine          float64 // mean over pairs of images
	Entropy         float64 // nats, of the teacher's probabilities, mean over images
	MarginalEntropy float64 // nats, entropy of the mean of the teacher's probabilities
	MaxEntropy      float64 // log K
	KL              float64 // nats, mean over images of KL(p ‖ mean of p) = MarginalEntropy − Entropy; 0 if the teacher ignores its input
	Accuracy        float64 // of the sample
}

// Measure computes the metrics in float64, from at most 512 equally spaced rows. It panics if the length of a slice does not match the
// sizes.
func Measure(s Sample) Metrics {
	if s.N < 0 || s.D < 1 || len(s.Z) != s.N*s.D {
		panic(fmt.Sprintf("watch: %d numbers of embeddings for [%d %d]: expected N·D", len(s.Z), s.N, s.D))
	}
	if s.Teacher != nil && (s.K < 1 || len(s.Teacher)%s.K != 0) {
		panic(fmt.Sprintf("watch: %d probabilities of a teacher with K = %d: expected a multiple of K", len(s.Teacher), s.K))
	}
	nan := math.NaN()
	r := Metrics{Std: nan, UniformStd: 1 / math.Sqrt(float64(s.D)), Rank: nan, Cosine: nan, Entropy: nan, MarginalEntropy: nan,
		MaxEntropy: nan, KL: nan, Accuracy: s.Accuracy}
	z, n := rows(s.Z, s.D)
	r.MaxRank = float64(min(n, s.D))
	if n > 1 && finite(z) {
		normalize(z, s.D)
		r.Std, r.Cosine = spread(z, n, s.D)
		r.Rank = rank(z, n, s.D)
	}
	if s.Teacher != nil {
		r.MaxEntropy = math.Log(float64(s.K))
		if p, m := rows(s.Teacher, s.K); m > 0 && finite(p) {
			r.Entropy, r.MarginalEntropy = entropies(p, m, s.K)
			r.KL = max(0, r.MarginalEntropy-r.Entropy)
		}
	}
	return r
}

// rows copies at most maxRows equally spaced rows of x [n d].
func rows(x []float32, d int) (out []float64, n int) {
	all := len(x) / d
	n = min(all, maxRows)
	out = make([]float64, 0, n*d)
	for i := range n {
		at := i * all / n * d
		for _, v := range x[at : at+d] {
			out = append(out, float64(v))
		}
	}
	return out, n
}

func finite(x []float64) bool {
	for _, v := range x {
		if v-v != 0 { // NaN and the infinities
			return false
		}
	}
	return true
}

// normalize divides every row by its norm; rows of zeros do not change.
func normalize(z []float64, d int) {
	for at := 0; at < len(z); at += d {
		if norm := floats.Norm(z[at:at+d], 2); norm > 0 {
			floats.Scale(1/norm, z[at:at+d])
		}
	}
}

// spread returns Std and Cosine of unit rows. The sum of the cosines of all pairs of rows is ‖Σ z‖², including Σ ‖z‖² for pairs of a row
// with itself.
func spread(z []float64, n, d int) (std, cosine float64) {
	sum, square := make([]float64, d), make([]float64, d)
	for at := 0; at < len(z); at += d {
		floats.Add(sum, z[at:at+d])
	}
	for at := 0; at < len(z); at += d {
		for j, v := range z[at : at+d] {
			dev := v - sum[j]/float64(n)
			square[j] += dev * dev
		}
	}
	for _, v := range square {
		std += math.Sqrt(v / float64(n-1))
	}
	return std / float64(d), (floats.Dot(sum, sum) - floats.Dot(z, z)) / float64(n*(n-1))
}

// rank returns the exponential of the entropy of the normalized singular values, computed as the roots of the eigenvalues of the smaller
// of ZᵀZ and ZZᵀ, which is much faster than an SVD. Roots below 1e-8 of the largest are noise, below the precision of float32.
func rank(z []float64, n, d int) float64 {
	var m mat.Matrix = mat.NewDense(n, d, z)
	if d < n {
		m = m.T()
	}
	var gram mat.SymDense
	gram.SymOuterK(1, m)
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, false) {
		return math.NaN()
	}
	values := eigen.Values(nil)
	for i, v := range values {
		values[i] = math.Sqrt(max(v, 0))
	}
	sum := floats.Sum(values)
	if sum == 0 {
		return 0
	}
	floats.Scale(1/sum, values)
	return math.Exp(entropy(values))
}

// entropies returns the mean entropy of the rows of p [n k], and the entropy of their mean.
func entropies(p []float64, n, k int) (each, ofMean float64) {
	mean := make([]float64, k)
	for at := 0; at < len(p); at += k {
		each += entropy(p[at:at+k]) / float64(n)
		floats.AddScaled(mean, 1/float64(n), p[at:at+k])
	}
	return each, entropy(mean)
}

// entropy returns −Σ p log p in nats, with 0 log 0 = 0.
func entropy(p []float64) (h float64) {
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}
