package export_test

import (
	"fmt"

	"github.com/marr-ssl/marr/export"
)

// Writes a model of one layer and evaluates it on two images of 3 × 1 × 1 pixels.
func ExampleCompare() {
	m := export.Model{
		Producer: "marr",
		Inputs:   []export.Value{{Name: "image", Type: export.Float32, Dims: export.Batch(3, 1, 1)}},
		Outputs:  []export.Value{{Name: "features", Type: export.Float32, Dims: export.Batch(2)}},
		Initializers: []export.Tensor{
			{Name: "fc.weight", Dims: []int{2, 3}, Float32: []float32{1, 0, 0, 0, 1, 1}},
			{Name: "fc.bias", Dims: []int{2}, Float32: []float32{0.5, 0}},
		},
		Nodes: []export.Node{
			{Op: "Flatten", Name: "flatten", Inputs: []string{"image"}, Outputs: []string{"flat"}, Attrs: []export.Attr{export.Int("axis", 1)}},
			{Op: "Gemm", Name: "fc", Inputs: []string{"flat", "fc.weight", "fc.bias"}, Outputs: []string{"features"}, Attrs: []export.Attr{
				export.Float("alpha", 1), export.Float("beta", 1), export.Int("transA", 0), export.Int("transB", 1)}},
		},
		Metadata: map[string]string{"mean": "0.5"},
	}
	file, err := m.Marshal()
	if err != nil {
		fmt.Println(err)
		return
	}
	present, _ := export.Runtimes()
	a, err := export.Compare(file, []float32{1, 2, 3, 4, 5, 6}, []int{2, 3, 1, 1}, []float32{1.5, 5, 4.5, 11}, present[0])
	fmt.Printf("%s, %d images: differ by %.6f, cosine %.6f, %v\n", a.Runtime, a.Images, a.MaxAbsDiff, a.CosineMin, err)
	// Output: onnx-go, 2 images: differ by 0.000000, cosine 1.000000, <nil>
}
