package export

import (
	"fmt"
	"slices"
	"strings"

	"marr/kernels"
)

// batchNorm writes BatchNormalization and what is fused to it.
func (t *tracer) batchNorm(n kernels.Node, x, result string) error {
	inputs := []string{x}
	for _, p := range n.In[1:5] {
		name, err := t.weight(p)
		if err != nil {
			return err
		}
		inputs = append(inputs, name)
	}
	t.fused(n, "BatchNormalization", n.In[5:], result, func(op, name, out string) { // ONNX's momentum is of the old value, PyTorch's of the new one
		t.add(op, name, inputs, out, Float("epsilon", float32(n.Attr["eps"])), Float("momentum", float32(1-n.Attr["momentum"])))
	})
	return nil
}

// fused writes a norm by `write`, and what is fused to it as nodes of their own: Add of the residual, Relu.
func (t *tracer) fused(n kernels.Node, norm string, residual []*kernels.Tensor, result string, write func(op, name, out string)) {
	steps := []string{norm}
	if len(residual) > 0 {
		steps = append(steps, "Add")
	}
	if n.Attr["relu"] == 1 {
		steps = append(steps, "Relu")
	}
	name, x := strings.TrimSuffix(n.In[1].Name(), ".weight"), ""
	for i, op := range steps {
		out := result
		if i < len(steps)-1 {
			out = result + "_" + strings.ToLower(op)
		}
		switch op {
		case norm:
			write(op, name, out)
		case "Add":
			t.add(op, name, []string{x, t.names[residual[0].Name()]}, out)
		default:
			t.add(op, name, []string{x}, out)
		}
		x = out
	}
}

// groupNorm writes a group norm of images as PyTorch does below opset 18, which has a node for it: InstanceNormalization of x with the channels and
// positions of a group in one row, then scale and shift by the channel; and what is fused to it.
func (t *tracer) groupNorm(n kernels.Node, x, result string) error {
	shape := n.Out.Shape()
	if len(shape) != 4 {
		return fmt.Errorf("export: %v: group norm has an ONNX form here of images alone: export the backbone alone", n.Out)
	}
	var affine [2]string
	for i := range affine {
		name, err := t.weight(n.In[i+1])
		if err != nil {
			return err
		}
		affine[i] = name
	}
	groups, h, w, c := int(n.Attr["groups"]), shape[1], shape[2], shape[3]
	rows := t.longs(fmt.Sprintf("rows_of_%d", groups), 0, groups, -1)
	back, axes := t.longs(fmt.Sprintf("image_of_%dx%dx%d", c, h, w), 0, c, h, w), t.longs("axes_of_image", 1, 2)
	ones := t.constant(Tensor{Name: fmt.Sprintf("ones_%d", groups), Dims: []int{groups}, Float32: slices.Repeat([]float32{1}, groups)})
	zeros := t.constant(Tensor{Name: fmt.Sprintf("zeros_%d", groups), Dims: []int{groups}, Float32: make([]float32, groups)})
	t.fused(n, "InstanceNormalization", n.In[3:], result, func(op, name, out string) {
		t.add("Reshape", name+"/rows", []string{x, rows}, result+"_rows")
		t.add(op, name, []string{result + "_rows", ones, zeros}, result+"_normal", Float("epsilon", float32(n.Attr["eps"])))
		t.add("Reshape", name+"/image", []string{result + "_normal", back}, result+"_image")
		for _, p := range affine {
			t.add("Unsqueeze", p, []string{p, axes}, p+"_of_image")
		}
		t.add("Mul", name+"/scale", []string{result + "_image", affine[0] + "_of_image"}, result+"_scaled")
		t.add("Add", name+"/shift", []string{result + "_scaled", affine[1] + "_of_image"}, out)
	})
	return nil
}

func (t *tracer) longs(name string, v ...int) string {
	c := Tensor{Name: name, Dims: []int{len(v)}}
	for _, e := range v {
		c.Int64 = append(c.Int64, int64(e))
	}
	return t.constant(c)
}

// constant makes c an initializer, once, and returns its name.
func (t *tracer) constant(c Tensor) string {
	if _, ok := t.model.Initializer(c.Name); !ok {
		t.model.Initializers = append(t.model.Initializers, c)
	}
	return c.Name
}
