package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/export/ort"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/eval"
)

// onnxModel is a network in ONNX Runtime, for files that do not fit a network of the device.
type onnxModel struct {
	path     string
	session  *ort.Session
	channels int
	side     int // of the images, in pixels
}

// runtimeSubject returns an ONNX file that is evaluated in ONNX Runtime, because it cannot be loaded into a network of the device for the reason why.
// size is the side of its images, 0: as the file states. The caller closes it.
func runtimeSubject(path string, size int, why error) (subject, error) {
	runtime, err := ort.Open()
	if errors.As(err, new(*ort.NotPresentError)) {
		return subject{}, fmt.Errorf("%w; other networks are evaluated in ONNX Runtime: %w", why, err)
	}
	if err != nil {
		return subject{}, err
	}
	raw, err := net.ReadFile(path, export.MaxModel)
	if err != nil {
		return subject{}, err
	}
	m := &onnxModel{path: path}
	if m.session, err = runtime.Load(raw); err != nil {
		return subject{}, fmt.Errorf("%s: %w", path, err)
	}
	w := &net.Weights{Path: path}
	if model, err := export.Unmarshal(raw); err == nil { // else its metadata cannot be read
		w.Metadata = model.Metadata
	}
	inputs, err := m.prepare(w, size)
	if err != nil {
		m.session.Close()
		return subject{}, err
	}
	note("%s: it is evaluated in ONNX Runtime, on images of %d px that are normalized with %s", packages.ReplaceAllString(why.Error(), "$1"), inputs.Size, normalizationOf(w))
	return subject{name: path, channels: m.channels, inputs: inputs, runtime: m, values: fileValues(path)}, nil
}

// prepare checks the input of the model and returns the preparation of its images.
func (m *onnxModel) prepare(w *net.Weights, size int) (eval.Inputs, error) {
	dims := m.session.Input
	if len(dims) != 4 {
		return eval.Inputs{}, fmt.Errorf("%s: its input has the dims %v: want images, [N C H W]", m.path, dims)
	}
	if dims[2] == dims[3] && dims[2] > 0 {
		w.Size = dims[2]
	}
	p, err := w.Preparation()
	if err != nil {
		return p, err
	}
	if size > 0 {
		p.Size = size
	}
	for i, want := range []int{len(p.Mean), p.Size, p.Size} {
		if dims[i+1] > 0 && dims[i+1] != want {
			return p, fmt.Errorf("%s: its input has the dims %v: want [N %d %d %d]: give a model for such images, or another --size", m.path, dims, len(p.Mean), p.Size, p.Size)
		}
	}
	m.channels, m.side = len(p.Mean), p.Size
	return p, nil
}

// features computes the features [n D] of prepared images [n H W C]. A model with a fixed batch gets batches of this size, the last one filled with zeros.
func (m *onnxModel) features(images []float32, n int) ([]float32, error) {
	_, x := net.ToTorch([]int{n, m.side, m.side, m.channels}, images)
	batch, each := n, len(x)/n
	if m.session.Input[0] > 0 {
		batch = m.session.Input[0]
	}
	var out []float32
	for first := 0; first < n; first += batch {
		part := make([]float32, batch*each)
		copy(part, x[first*each:])
		values, shapes, err := m.session.Run(part, []int{batch, m.channels, m.side, m.side})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.path, err)
		}
		y, dims := values[0], shapes[0]
		width := len(y) / batch
		if len(dims) < 2 || dims[0] != batch || slices.Max(dims[1:]) != width {
			return nil, fmt.Errorf("%s: its first output has the dims %v for %d images: want features, [N D] or [N D 1 1]", m.path, dims, batch)
		}
		out = append(out, y[:min(batch, n-first)*width]...)
	}
	return out, nil
}

// normalizationOf describes whose mean and deviation the images of a file are normalized with.
func normalizationOf(w *net.Weights) string {
	if w.HasPreparation() {
		return "the mean and std of its metadata"
	}
	return "the mean and std of torchvision's ImageNet weights"
}
