// Gorgonnx evaluates an ONNX file with onnx-go and the backend that comes with it.
package main

import (
	"fmt"
	"os"

	"github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"
	"readers/evaluate"
)

func main() { evaluate.Main("0.5.0, gorgonia 0.9.4", run) }

func run(file string, x []float32, dims []int) ([]float32, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	backend := gorgonnx.NewGraph()
	model := onnx.NewModel(backend)
	if err := model.UnmarshalBinary(raw); err != nil {
		return nil, err
	}
	if err := model.SetInput(0, tensor.New(tensor.WithShape(dims...), tensor.WithBacking(x))); err != nil {
		return nil, err
	}
	if err := backend.Run(); err != nil {
		return nil, err
	}
	out, err := model.GetOutputTensors()
	if err != nil {
		return nil, err
	}
	y, ok := out[0].Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("features are a %T", out[0].Data())
	}
	return y, nil
}
