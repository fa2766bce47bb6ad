package net

import (
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/exact"
)

// positions are the position embedding [1 1+rows·columns D] of a grid of patches behind a class token: learned, or the fixed sinCos.
type positions struct {
	rows, columns int
	learned       *kernels.Param
	fixed         *kernels.State
}

// fixedPositions declares positions of sines and cosines. They are a state, which has no gradient.
func (s Scope) fixedPositions(name string, rows, columns, width int) positions {
	values := func() []float32 { return sinCos(rows, columns, width) }
	return positions{rows: rows, columns: columns, fixed: s.Store.StateFrom(s.prefix+name, values, 1, 1+rows*columns, width)}
}

// value returns the positions on their own grid. Those of a momentum encoder are states of their own, as its running statistics are.
func (p positions) value(g *kernels.Graph, m Mode) *kernels.Tensor {
	if p.fixed == nil {
		return m.Param(p.learned).Value(g)
	}
	x := p.fixed
	if m&averaged != 0 {
		values := func() []float32 { return sinCos(p.rows, p.columns, x.Shape[2]) }
		x = g.Store().StateFrom(momentumPrefix+x.Name, values, x.Shape...)
	}
	return x.Value(g)
}

// of returns the positions of rows × columns patches. On another grid than their own they are interpolated, also fixed ones: so do timm, and the code of
// MAE with which weights are fine-tuned (facebookresearch/mae, util/pos_embed.py, interpolate_pos_embed), and what an exported file computes does not depend
// on how its positions were made.
func (p positions) of(rows, columns int, g *kernels.Graph, m Mode) *kernels.Tensor {
	own := p.value(g, m)
	if rows == p.rows && columns == p.columns {
		return own
	}
	return kernels.MixTokens(fmt.Sprintf("positions_%d_to_%dx%d", p.rows, rows, columns), gridWeights(p.rows, rows, columns), own)
}

// sinCos returns the fixed position embedding [1 + rows·columns, width] of masked autoencoders (He et al. 2022, arXiv:2111.06377; facebookresearch/mae,
// util/pos_embed.py, get_2d_sincos_pos_embed). That of the class token is 0. In that of a patch, the first half of the width encodes the column and the second
// half the row, each by sines and then cosines:
//
//	sin(x·ω_k), cos(x·ω_k), ω_k = 10000^(−k/(width/4)), k = 0 … width/4 − 1
//
// MoCo v3 has the halves in the other order. width is a multiple of 4.
func sinCos(rows, columns, width int) []float32 {
	v := make([]float32, (1+rows*columns)*width)
	for patch := range rows * columns {
		to := v[(1+patch)*width:][:width]
		for half, at := range []int{patch % columns, patch / columns} {
			for k := range width / 4 {
				sin, cos := exact.Sincos(float64(at) * exact.Exp(-float64(k)/float64(width/4)*exact.Log(10000)))
				to[half*width/2+k], to[half*width/2+width/4+k] = float32(sin), float32(cos)
			}
		}
	}
	return v
}

// gridWeights returns the matrix [1 + h·w, 1 + grid²] that keeps the class token and interpolates the tokens of a square grid for one of h × w. It is
// PyTorch's interpolate(size=(h, w), mode="bicubic", align_corners=False). DINO passes it a scale_factor with 0.1 added to h and w, which shifts its positions
// by a small part of a patch.
func gridWeights(grid, h, w int) []float32 {
	rows, columns, width := cubicWeights(grid, h, float64(grid)/float64(h)), cubicWeights(grid, w, float64(grid)/float64(w)), 1+grid*grid
	m := make([]float32, (1+h*w)*width)
	m[0] = 1
	for i := range h * w {
		for j := range grid * grid {
			m[(1+i)*width+1+j] = float32(rows[i/w][j/grid] * columns[i%w][j%grid])
		}
	}
	return m
}

// cubicWeights returns the matrix [to][from] of cubic convolution (Keys 1981, doi:10.1109/TASSP.1981.1163711, eq. 4) with a = −0.75, as in PyTorch, for
// results that lie step apart. Numbers outside repeat the edge. There is no antialiasing.
func cubicWeights(from, to int, step float64) [][]float64 {
	const a = -0.75
	kernel := func(x float64) float64 {
		switch x = math.Abs(x); {
		case x <= 1:
			return float64((float64((a+2)*x)-(a+3))*x*x) + 1
		case x < 2:
			return float64((float64((float64(a*x)-5*a)*x)+8*a)*x) - 4*a
		}
		return 0
	}
	m := make([][]float64, to)
	for i := range m {
		m[i] = make([]float64, from)
		at := float64((float64(i)+0.5)*step) - 0.5
		for first, j := int(math.Floor(at))-1, 0; j < 4; j++ {
			m[i][min(max(first+j, 0), from-1)] += kernel(at - float64(first+j))
		}
	}
	return m
}
