package ref

import "math"

// MaxPool2D is the maximum over each window of k×k, where padding counts as −∞:
//
//	y[n,p,q,c] = max_{r,s} x[n, p·stride+r−pad, q·stride+s−pad, c]
//
// x [N H W C], y [N P Q C] with P = ⌊(H + 2·pad − k)/stride⌋ + 1 and Q in the same way; 2·pad ≤ k. Source: PyTorch, torch.nn.MaxPool2d, in NHWC.
func MaxPool2D(x *Tensor, k, stride, pad int) *Tensor {
	wantShape("MaxPool2D", "x", x, -1, -1, -1, -1)
	n, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	if k < 1 || stride < 1 || pad < 0 || 2*pad > k || min(h, w)+2*pad < k {
		fail("MaxPool2D", "the window does not fit (x, kernel, stride, pad)", x, k, stride, pad)
	}
	y := New(n, (h+2*pad-k)/stride+1, (w+2*pad-k)/stride+1, c)
	for row := range y.Rows() {
		image, p, q := row/(y.Shape[1]*y.Shape[2]), row/y.Shape[2]%y.Shape[1], row%y.Shape[2]
		top := y.Row(row)
		for j := range top {
			top[j] = math.Inf(-1)
		}
		for i := max(p*stride-pad, 0); i < min(p*stride-pad+k, h); i++ {
			for l := max(q*stride-pad, 0); l < min(q*stride-pad+k, w); l++ {
				for j, v := range x.Row((image*h+i)*w + l) {
					top[j] = max(top[j], v)
				}
			}
		}
	}
	return y
}
