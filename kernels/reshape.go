package kernels

import (
	"fmt"
	"slices"
	"strings"
)

// Reshape is x in another shape of as many elements, in row-major order. It moves no data: x and the result share memory, and one gradient, to which the
// ops on both contribute. So rows must be padded alike: the last axis stays the same, or its old and new sizes are multiples of 4.
func Reshape(x *Tensor, shape ...int) *Tensor { return reshape(x, shape, onnxReshape) }

// ReshapeLike is Reshape to the shape of like. In ONNX files for images of any size, rows [N H·W C] take height and width of the images like [N H W C].
func ReshapeLike(x, like *Tensor) *Tensor {
	return reshape(x, like.shape, func(n Node, o ONNX) {
		if !o.AnySize() || len(x.shape) != 3 || len(like.shape) != 4 || x.Width() != like.Width() {
			onnxReshape(n, o)
			return
		}
		y := o.Value(n.Out)
		o.Node("Transpose", y+"/channels", []string{o.Value(x)}, y+"_channels", Attr{"perm", []int{0, 2, 1}})
		o.Node("Reshape", y, []string{y + "_channels", imageDims(o, like, y+"_dims")}, y)
	})
}

func reshape(x *Tensor, shape []int, form func(Node, ONNX)) *Tensor {
	g := x.g
	switch {
	case len(shape) == 0 || slices.Min(shape) < 1 || product(shape) != product(x.shape):
		misuse("Reshape", "%v to %v: want as many elements", x, shape)
	case !x.floats():
		misuse("Reshape", "%v: want floats", x)
	case x.Width() != shape[len(shape)-1] && (x.Width()%lanes != 0 || shape[len(shape)-1]%lanes != 0):
		misuse("Reshape", "%v to %v: want the same last axis, or sizes that %d divides, because rows are padded", x, shape, lanes)
	}
	y := x.as(shape)
	g.serial++
	y.name, y.needs, y.base = fmt.Sprintf("Reshape#%d", g.serial), x.needs, x
	g.node("Reshape", y, form, nil, x)
	return y
}

// as returns t in another shape with the same rows in memory, as a constant.
func (t *Tensor) as(shape []int) *Tensor {
	y := *t.constant()
	y.shape, y.size, y.producer = slices.Clone(shape), bytesOf(t.dtype, shape), nil
	return &y
}

// onnxReshape infers the first axis, which holds the batch, or the number of rows of an image of any size. Values of four axes are images, NCHW in ONNX.
func onnxReshape(n Node, o ONNX) {
	x, y, from, rest := o.Value(n.In[0]), o.Value(n.Out), n.In[0].shape, n.Out.shape[1:]
	if len(from) == 4 {
		o.Node("Transpose", y+"/rows", []string{x}, y+"_rows", Attr{"perm", []int{0, 2, 3, 1}})
		x = y + "_rows"
	}
	out := y
	if len(n.Out.shape) == 4 {
		out = y + "_image"
	}
	if o.AnySize() && len(from) == 4 && len(rest) == 2 && from[0] == n.Out.shape[0] && from[3] == rest[1] {
		o.Node("Reshape", y, []string{x, o.Ints(fmt.Sprintf("pixels_of_%d", rest[1]), 0, -1, rest[1])}, y)
		return
	}
	name := strings.Join(append([]string{"shape_n"}, strings.Fields(strings.Trim(fmt.Sprint(rest), "[]"))...), "x")
	o.Node("Reshape", y, []string{x, o.Ints(name, append([]int{-1}, rest...)...)}, out)
	if out != y {
		o.Node("Transpose", y+"/image", []string{out}, y, Attr{"perm", []int{0, 3, 1, 2}})
	}
}
