// Gonnx evaluates an ONNX file with gonnx.
package main

import (
	"fmt"

	"github.com/advancedclimatesystems/gonnx"
	"gorgonia.org/tensor"
	"readers/evaluate"
)

func main() { evaluate.Main("1.1.0", run) }

func run(file string, x []float32, dims []int) ([]float32, error) {
	model, err := gonnx.NewModelFromFile(file)
	if err != nil {
		return nil, err
	}
	out, err := model.Run(gonnx.Tensors{"image": tensor.New(tensor.WithShape(dims...), tensor.WithBacking(x))})
	if err != nil {
		return nil, err
	}
	y, ok := out["features"].Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("features are a %T", out["features"].Data())
	}
	return y, nil
}
