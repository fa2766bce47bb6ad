package ref

// DepthwiseConv2D is the convolution of each channel alone, with stride 1, zero padding and without bias:
//
//	y[n,p,q,c] = Σ_{r,s} x[n, p+r−pad, q+s−pad, c] · w[c,r,s,0]
//
// x [N H W C], w [C R S 1], y [N P Q C] with P = H + 2·pad − R + 1 and Q in the same way.
// Source: PyTorch, torch.nn.Conv2d with groups=C, in NHWC.
func DepthwiseConv2D(x, w *Tensor, pad int) *Tensor {
	wantShape("DepthwiseConv2D", "x", x, -1, -1, -1, -1)
	wantShape("DepthwiseConv2D", "w", w, x.Last(), -1, -1, 1)
	n, h, width, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	r, s := w.Shape[1], w.Shape[2]
	if pad < 0 || h+2*pad < r || width+2*pad < s {
		fail("DepthwiseConv2D", "the window does not fit (x, w, pad)", x, w, pad)
	}
	y := New(n, h+2*pad-r+1, width+2*pad-s+1, c)
	for row := range y.Rows() {
		image, p, q := row/(y.Shape[1]*y.Shape[2]), row/y.Shape[2]%y.Shape[1], row%y.Shape[2]
		for i := max(p-pad, 0); i < min(p-pad+r, h); i++ {
			for j := max(q-pad, 0); j < min(q-pad+s, width); j++ {
				tap := (i-p+pad)*s + j - q + pad
				for ci, v := range x.Row((image*h+i)*width + j) {
					y.Data[row*c+ci] += v * w.Data[ci*r*s+tap]
				}
			}
		}
	}
	return y
}
