package onnxexec

import (
	"fmt"
	"strings"
)

// kernel computes the output of an operator. The caller has checked the presence and types of inputs against the table; the kernel checks
// shapes.
type kernel func(c *call) (*array, error)

// spec is an operator: its kernel, its inputs and its attributes.
//
// Inputs are separated by spaces: f for float32, i for int64, a for either. A trailing ? marks an optional input, a final "..." any number
// of further ones. An attribute is name=kind; kinds are int, ints, float, string and tensor.
type spec struct {
	run           kernel
	inputs, attrs string
}

const windowAttrs = "auto_pad=string dilations=ints kernel_shape=ints pads=ints strides=ints "

// table lists the operators (ONNX operator set 17; onnx/docs/Operators.md).
var table = map[string]spec{
	"Conv":               {conv, "f f f?", windowAttrs + "group=int"},
	"Gemm":               {gemm, "f f f?", "alpha=float beta=float transA=int transB=int"},
	"MatMul":             {matMul, "f f", ""},
	"BatchNormalization": {batchNorm, "f f f f f", "epsilon=float momentum=float training_mode=int"},
	"Softmax":            {softmax, "f", "axis=int"},

	"InstanceNormalization": {instanceNorm, "f f f", "epsilon=float"},
	"LayerNormalization":    {layerNorm, "f f f?", "axis=int epsilon=float stash_type=int"},

	"MaxPool":           {maxPool, "f", windowAttrs + "ceil_mode=int storage_order=int"},
	"AveragePool":       {averagePool, "f", windowAttrs + "ceil_mode=int count_include_pad=int"},
	"GlobalAveragePool": {globalAveragePool, "f", ""},
	"ReduceMean":        {reduceMean, "f", "axes=ints keepdims=int"},

	"Add": {binary(add), "f f", ""},
	"Sub": {binary(sub), "f f", ""},
	"Mul": {binary(mul), "f f", ""},
	"Div": {binary(div), "f f", ""},

	"Relu":    {unary(relu), "f", ""},
	"Sqrt":    {unary(sqrt), "f", ""},
	"Exp":     {unary(exp), "f", ""},
	"Tanh":    {unary(tanh), "f", ""},
	"Sigmoid": {unary(sigmoid), "f", ""},
	"Erf":     {unary(erf), "f", ""},
	"Neg":     {unary(neg), "f", ""},
	"Abs":     {unary(abs), "f", ""},
	"Clip":    {clip, "f f? f?", ""},

	"Constant":  {constant, "", "value=tensor"},
	"Identity":  {identity, "a", ""},
	"Dropout":   {identity, "f f? a?", "seed=int"}, // the identity in inference
	"Flatten":   {flatten, "a", "axis=int"},
	"Shape":     {shapeOf, "a", ""},
	"Reshape":   {reshape, "a i", "allowzero=int"},
	"Squeeze":   {squeeze, "a i?", ""},
	"Unsqueeze": {unsqueeze, "a i", ""},
	"Transpose": {transpose, "f", "perm=ints"},
	"Concat":    {concat, "f f...", "axis=int"},
	"Pad":       {pad, "f i f?", "mode=string"},
	"Slice":     {slice, "a i i i? i?", ""},
	"Gather":    {gather, "f i", "axis=int"},
}

// call is one evaluation of an operation. Omitted inputs are nil.
type call struct {
	attrs map[string]any
	in    []*array
}

// input returns input i, or nil if it is omitted.
func (c *call) input(i int) *array {
	if i >= len(c.in) {
		return nil
	}
	return c.in[i]
}

func (c *call) int(name string, def int) int {
	if v, ok := c.attrs[name].(int64); ok {
		return int(v)
	}
	return def
}

func (c *call) float(name string, def float64) float64 {
	if v, ok := c.attrs[name].(float32); ok {
		return float64(v)
	}
	return def
}

// ints returns a list attribute, or nil if it is absent.
func (c *call) ints(name string) []int {
	v, _ := c.attrs[name].([]int64)
	return toInts(v)
}

func toInts(v []int64) []int {
	var out []int
	for _, x := range v {
		out = append(out, int(x))
	}
	return out
}

func (op operation) errorf(format string, a ...any) error {
	name := "without output"
	if len(op.out) > 0 {
		name = op.out[0].name
	}
	return fmt.Errorf("onnxexec: %s → %s: %w", op.Name, name, fmt.Errorf(format, a...))
}

// check compares an operation with the table: a known operator, one output, the number of inputs, the attributes and their kinds.
func (op operation) check() error {
	s, ok := table[op.Name]
	if !ok {
		return op.errorf("the operator is not supported")
	}
	if len(op.out) == 0 || op.out[0].name == "" {
		return op.errorf("the first output has no name")
	}
	for _, v := range op.out[1:] {
		if v.name != "" {
			return op.errorf("output %s: only the first output is supported", v.name)
		}
	}
	kinds := map[string]string{}
	for _, f := range strings.Fields(s.attrs) {
		name, kind, _ := strings.Cut(f, "=")
		kinds[name] = kind
	}
	for name, v := range op.Attributes {
		want, ok := kinds[name]
		if !ok {
			return op.errorf("attribute %s is not supported", name)
		}
		if got := kindOf(v); got != want {
			return op.errorf("attribute %s has kind %s: want %s", name, got, want)
		}
	}
	return op.checkArity(strings.Fields(s.inputs))
}

func (op operation) checkArity(slots []string) error {
	variadic := len(slots) > 0 && strings.HasSuffix(slots[len(slots)-1], "...")
	if len(op.in) > len(slots) && !variadic {
		return op.errorf("%d inputs: want at most %d", len(op.in), len(slots))
	}
	for i, slot := range slots {
		if !strings.HasSuffix(slot, "?") && !strings.HasSuffix(slot, "...") && (i >= len(op.in) || op.in[i] == nil) {
			return op.errorf("input %d is missing", i)
		}
	}
	for i, v := range op.in {
		if i >= len(slots)-1 && variadic && v == nil {
			return op.errorf("input %d is missing", i)
		}
	}
	return nil
}

// run checks the inputs' element types and evaluates the kernel.
func (op operation) run(c *call) (*array, error) {
	s := table[op.Name]
	slots := strings.Fields(s.inputs)
	for i, a := range c.in {
		if a == nil {
			continue
		}
		switch slots[min(i, len(slots)-1)][0] {
		case 'f':
			if a.f == nil {
				return nil, op.errorf("input %d holds integers: want float32", i)
			}
		case 'i':
			if a.i == nil {
				return nil, op.errorf("input %d holds floats: want int64", i)
			}
		}
	}
	y, err := s.run(c)
	if err != nil {
		return nil, op.errorf("%w", err)
	}
	return y, nil
}

func kindOf(v any) string {
	switch v.(type) {
	case int64:
		return "int"
	case []int64:
		return "ints"
	case float32:
		return "float"
	case string:
		return "string"
	case interface{ Dims() int }:
		return "tensor"
	}
	return fmt.Sprintf("%T", v)
}
