package saliency

import (
	"errors"

	"gonum.org/v1/gonum/mat"

	"github.com/marr-ssl/marr/kernels/rng"
)

// Of the iteration for principal components.
const (
	extraDimensions    = 10
	subspaceIterations = 8
)

// Components returns the first k principal components of the rows of m [n d], whose columns it centers, at most n of them, and the sums of the squares of
// all. It iterates on a subspace of some more dimensions (Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithm 4.4), from fixed random values: all
// eigenvectors of 2,048 features would take minutes.
func Components(m *mat.Dense, k int) (projected *mat.Dense, squares []float64, err error) {
	center(m)
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
