package ref

// Conv2D is the cross-correlation that networks call convolution, with zero padding and without bias:
//
//	y[n,p,q,k] = Σ_{r,s,c} x[n, p·stride+r−pad, q·stride+s−pad, c] · w[k,r,s,c]
//
// x [N H W C], w [K R S C], y [N P Q K] with P = ⌊(H + 2·pad − R)/stride⌋ + 1 and Q in the same way.
// Source: PyTorch, torch.nn.Conv2d, in NHWC.
func Conv2D(x, w *Tensor, stride, pad int) *Tensor {
	wantShape("Conv2D", "x", x, -1, -1, -1, -1)
	wantShape("Conv2D", "w", w, -1, -1, -1, x.Last())
	n, h, width, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	k, r, s := w.Shape[0], w.Shape[1], w.Shape[2]
	if stride < 1 || pad < 0 || h+2*pad < r || width+2*pad < s {
		fail("Conv2D", "the window does not fit (x, w, stride, pad)", x, w, stride, pad)
	}
	y := New(n, (h+2*pad-r)/stride+1, (width+2*pad-s)/stride+1, k)
	for row := range y.Rows() {
		image, p, q := row/(y.Shape[1]*y.Shape[2]), row/y.Shape[2]%y.Shape[1], row%y.Shape[2]
		for ri := range r {
			for si := range s {
				i, j := p*stride+ri-pad, q*stride+si-pad
				if i < 0 || i >= h || j < 0 || j >= width {
					continue
				}
				pixel := x.Row((image*h+i)*width + j)
				for ki := range k {
					tap := ((ki*r+ri)*s + si) * c
					y.Data[row*k+ki] += dot(pixel, w.Data[tap:tap+c])
				}
			}
		}
	}
	return y
}

// GlobalAvgPool is the mean over both spatial axes: x [N H W C], y [N C].
func GlobalAvgPool(x *Tensor) *Tensor {
	wantShape("GlobalAvgPool", "x", x, -1, -1, -1, -1)
	n, pixels, c := x.Shape[0], x.Shape[1]*x.Shape[2], x.Shape[3]
	y := New(n, c)
	for i := range n * pixels {
		for j, v := range x.Row(i) {
			y.Data[i/pixels*c+j] += v / float64(pixels)
		}
	}
	return y
}
