package page

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"marr/kernels/rng"
)

// maxComponents is the number of principal components that a map keeps: enough for UMAP, which the page computes from them.
const maxComponents = 30

// Of the iteration for principal components.
const (
	extraDimensions    = 10
	subspaceIterations = 8
)

// Points are the principal components of embeddings.
type Points struct {
	N          int     `json:"n"`
	Components int     `json:"d"`
	Explained  float64 `json:"explained"` // fraction of the variance in the first two
	Values     string  `json:"values"`    // [N Components] of int16, little endian, as Base64: 32767 is the largest absolute value of all
}

// NewPoints returns the principal components of the L2-normalized embeddings x [n d], in float64. Errors: fewer than three embeddings, or values that are
// not finite.
func NewPoints(x []float32, n, d int) (Points, error) {
	if n < 3 {
		return Points{}, errors.New("a map needs at least three images")
	}
	m := mat.NewDense(n, d, nil)
	for i := range n {
		row, norm := m.RawRowView(i), 0.0
		for j := range row {
			row[j] = float64(x[i*d+j])
			norm += row[j] * row[j]
		}
		if norm-norm != 0 {
			return Points{}, errors.New("the embeddings are not finite")
		}
		for j := range row {
			row[j] /= max(math.Sqrt(norm), 1e-12)
		}
	}
	center(m)
	projected, squares, err := components(m, min(maxComponents, d))
	if err != nil {
		return Points{}, err
	}
	_, k := projected.Dims()
	p := Points{N: n, Components: k, Values: packed(projected)}
	if total := math.Pow(mat.Norm(m, 2), 2); total > 0 {
		for _, v := range squares[:min(2, k)] {
			p.Explained += v / total
		}
	}
	return p, nil
}

// components returns the first k principal components of the centered rows of m [n d], at most n of them, and the sums of the squares of all. It iterates on a subspace of some
// more dimensions (Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithm 4.4), from fixed random values: all eigenvectors of 2,048 features would take
// minutes.
func components(m *mat.Dense, k int) (projected *mat.Dense, squares []float64, err error) {
	n, d := m.Dims()
	random := rng.New(1)
	basis := mat.NewDense(d, min(k+extraDimensions, d), nil)
	for i := range basis.RawMatrix().Data {
		basis.RawMatrix().Data[i] = random.Normal()
	}
	var image, back mat.Dense
	var svd mat.SVD
	for range subspaceIterations {
		image.Mul(m, basis)
		back.Mul(m.T(), &image)
		if !svd.Factorize(&back, mat.SVDThin) {
			return nil, nil, errors.New("the principal components do not converge")
		}
		basis = &mat.Dense{}
		svd.UTo(basis)
	}
	image.Mul(m, basis)
	if !svd.Factorize(&image, mat.SVDThin) {
		return nil, nil, errors.New("the principal components do not converge")
	}
	var rotation mat.Dense
	svd.VTo(&rotation)
	projected = &mat.Dense{}
	projected.Mul(&image, rotation.Slice(0, rotation.RawMatrix().Rows, 0, min(k, n)))
	for _, v := range svd.Values(nil) {
		squares = append(squares, v*v)
	}
	return projected, squares, nil
}

// center subtracts the mean of each column.
func center(m *mat.Dense) {
	n, d := m.Dims()
	for j := range d {
		mean := 0.0
		for i := range n {
			mean += m.At(i, j) / float64(n)
		}
		for i := range n {
			m.Set(i, j, m.At(i, j)-mean)
		}
	}
}

// packed returns m as Points.Values. The largest value of each column is positive.
func packed(m *mat.Dense) string {
	n, k := m.Dims()
	largest := 0.0
	sign := make([]float64, k)
	for j := range k {
		extreme := 0.0
		for i := range n {
			if v := m.At(i, j); math.Abs(v) > math.Abs(extreme) {
				extreme = v
			}
		}
		sign[j] = math.Copysign(1, extreme)
		largest = max(largest, math.Abs(extreme))
	}
	raw := make([]byte, 0, 2*n*k)
	for i := range n {
		for j := range k {
			v := math.Round(sign[j] * m.At(i, j) / max(largest, 1e-12) * math.MaxInt16)
			raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(v)))
		}
	}
	return base64.StdEncoding.EncodeToString(raw)
}
