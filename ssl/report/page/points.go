package page

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/marr-ssl/marr/ssl/saliency"
)

// maxComponents is the number of principal components that a map keeps: enough for UMAP, which the page computes from them.
const maxComponents = 30

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
	projected, squares, err := saliency.Components(m, min(maxComponents, d))
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
