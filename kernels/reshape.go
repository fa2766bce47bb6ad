package kernels

import (
	"fmt"
	"slices"
	"strings"
)

// Reshape is x in another shape of as many elements, in row-major order. It moves no data: x and the result share memory, and one gradient, to which the
// ops on both contribute. So rows must be padded alike: the last axis stays the same, or its old and new sizes are multiples of 4.
func Reshape(x *Tensor, shape ...int) *Tensor {
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
	g.node("Reshape", y, onnxReshape, nil, x)
	return y
}

// as returns t in another shape with the same rows in memory, as a constant.
func (t *Tensor) as(shape []int) *Tensor {
	y := *t.constant()
	y.shape, y.size, y.producer = slices.Clone(shape), bytesOf(t.dtype, shape), nil
	return &y
}

// onnxReshape infers the first axis, which holds the batch. Values of four axes are images, NCHW in ONNX.
func onnxReshape(n Node, o ONNX) {
	x, y, rest := o.Value(n.In[0]), o.Value(n.Out), n.Out.shape[1:]
	if len(n.In[0].shape) == 4 {
		o.Node("Transpose", y+"/rows", []string{x}, y+"_rows", Attr{"perm", []int{0, 2, 3, 1}})
		x = y + "_rows"
	}
	out := y
	if len(n.Out.shape) == 4 {
		out = y + "_image"
	}
	name := strings.Join(append([]string{"shape_n"}, strings.Fields(strings.Trim(fmt.Sprint(rest), "[]"))...), "x")
	o.Node("Reshape", y, []string{x, o.Ints(name, append([]int{-1}, rest...)...)}, out)
	if out != y {
		o.Node("Transpose", y+"/image", []string{out}, y, Attr{"perm", []int{0, 3, 1, 2}})
	}
}
