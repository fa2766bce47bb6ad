// Gomlx evaluates an ONNX file with GoMLX's importer and its backend in Go.
package main

import (
	_ "github.com/gomlx/gomlx/backends/simplego"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/onnx-gomlx/onnx"
	"readers/evaluate"
)

func main() { evaluate.Main("0.3.4, GoMLX 0.26.0", run) }

func run(file string, x []float32, dims []int) ([]float32, error) {
	model, err := onnx.ReadFile(file)
	if err != nil {
		return nil, err
	}
	ctx := context.New()
	if err := model.VariablesToContext(ctx); err != nil {
		return nil, err
	}
	backend, err := backends.NewWithConfig("go")
	if err != nil {
		return nil, err
	}
	exec, err := context.NewExec(backend, ctx.Reuse(), func(ctx *context.Context, image *graph.Node) *graph.Node {
		return model.CallGraph(ctx, image.Graph(), map[string]*graph.Node{"image": image})[0]
	})
	if err != nil {
		return nil, err
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(x, dims...))
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](out[0])
}
