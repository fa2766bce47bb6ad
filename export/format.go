package export

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// Format writes backbones as files of one kind and verifies such files.
type Format interface {
	// Name returns the name of the format, "ONNX" for example.
	Name() string
	// Write writes b to path atomically: a failed Write leaves an existing file unchanged.
	Write(path string, b Backbone) error
	// Read reads the tensors and the metadata of a file, also of one that another program wrote.
	Read(path string) (*net.Weights, error)
	// NeedsSamples reports whether Verify evaluates the file on images. Verify ignores its samples if not.
	NeedsSamples() bool
	// Verify reads the file at path back and compares it with b. A file that cannot be read or that differs is an error.
	Verify(path string, b Backbone, s Samples) (Verification, error)
}

// Backbone is a network with its weights and the metadata that a file carries for its users. A classifier is one whose Output is Probabilities.
type Backbone struct {
	Store                   *kernels.Store // the parameters and running statistics of Module, and nothing else
	Module                  net.Module     // maps images [N H W C] to its output [N D]
	Output                  string         // name of the output; "": Features
	Height, Width, Channels int            // of an image, in pixels
	AnySize                 bool           // ONNX: the file accepts images of any height and width; if that is impossible, Write returns an ErrFixedSize
	Dense                   bool           // ONNX: the file has a second output, FeatureMap or Tokens; Module must be a net.Network
	Opset                   int            // ONNX: version of the operator set, one of Opsets; 0: 17
	Metadata                map[string]string
}

// Samples are images and what the device computes from them.
type Samples struct {
	Images   []float32 // [N C H W], normalized
	Features []float32 // [N D]
	Dense    []float32 // of a file with dense features: [N h w C] or [N T D]
}

// Verification is the result of reading a file back. The fields that a format does not check are zero.
type Verification struct {
	Tensors    int         // the number of tensors that equal those of the store, bit for bit
	Agreements []Agreement // one for each runtime that evaluated the file
	Absent     []error     // why the other runtimes did not evaluate it
}

// formats maps the suffix of a file name to its format.
var formats = []struct {
	suffix string
	format Format
}{
	{".onnx", onnx{}},
	{".safetensors", safetensors{}},
}

// FormatOf returns the format that the suffix of path stands for. An unknown suffix is an error that lists the known ones.
func FormatOf(path string) (Format, error) {
	var known []string
	for _, f := range formats {
		if filepath.Ext(path) == f.suffix {
			return f.format, nil
		}
		known = append(known, f.suffix)
	}
	return nil, fmt.Errorf("export: %s: no format has this suffix: use %s", path, strings.Join(known, " or "))
}

// exportedName returns the name in a file of a stored tensor: the architecture's own, such as torchvision's, without the prefix of the backbone. ok is
// false for state that is not part of the network.
func exportedName(stored string) (name string, ok bool) {
	return strings.TrimPrefix(stored, net.BackbonePrefix), !strings.HasPrefix(stored, "marr.")
}

// tensors returns the parameters, then the running statistics of a backbone, with exported names and in PyTorch's layouts.
func (b Backbone) tensors() ([]Tensor, error) {
	var out []Tensor
	add := func(stored string, shape []int, read func() ([]float32, error)) error {
		name, ok := exportedName(stored)
		if !ok {
			return nil
		}
		v, err := read()
		if err != nil {
			return fmt.Errorf("export: read %s: %w", stored, err)
		}
		shape, v = net.ToTorch(shape, v)
		out = append(out, Tensor{Name: name, Dims: slices.Clone(shape), Float32: v})
		return nil
	}
	for _, p := range b.Store.Params() {
		if err := add(p.Name, p.Shape, p.Read); err != nil {
			return nil, err
		}
	}
	for _, s := range b.Store.States() {
		if err := add(s.Name, s.Shape, s.Read); err != nil {
			return nil, err
		}
	}
	return out, nil
}
