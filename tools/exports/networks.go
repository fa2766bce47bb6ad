package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/vk"
)

// batches are the numbers of images that readers evaluate, in this order.
var batches = []int{1, 7}

const (
	seed     = 1
	side     = 96 // of the images, in pixels
	channels = 3
)

// network is a column of the table.
type network struct {
	title      string
	arch, norm string
	settings   map[string]any
}

var networks = []network{
	{"ResNet-18", "resnet18", "batch", map[string]any{"stem": "imagenet"}},
	{"ResNet-50", "resnet50", "batch", map[string]any{"stem": "imagenet"}},
	{"ResNet-18, group norm", "resnet18", "group", map[string]any{"stem": "imagenet"}},
	{"ViT-Tiny", "vit-tiny", "", map[string]any{"patch": 16}},
}

// files are what the readers get of a network, and what the device computes.
type files struct {
	onnx, fixed, weights string            // paths: an ONNX file for any size, if the network has one; one for a single size; safetensors
	images               map[int]string    // paths of raw float32 [N C H W], by N
	features             map[int][]float32 // of the device
}

// write writes the files of a network with random weights into a folder.
func (n network) write(dev *vk.Device, dir string) (f files, err error) {
	c, err := net.NewConfig(n.arch, n.settings, n.norm, channels)
	if err != nil {
		return f, err
	}
	c.Arch.Resolve(side)
	st := kernels.NewStore(dev)
	defer st.Free()
	m, err := c.New(st, seed)
	if err == nil {
		err = randomize(st)
	}
	if err != nil {
		return f, err
	}
	base := filepath.Join(dir, c.Name+"-"+c.Norm)
	f = files{onnx: base + ".onnx", fixed: base + "-fixed.onnx", weights: base + ".safetensors", images: map[int]string{}, features: map[int][]float32{}}
	b := export.Backbone{Store: st, Module: m, Height: side, Width: side, Channels: channels, Metadata: map[string]string{"marr.arch": c.Name, "marr.norm": c.Norm}}
	for name, v := range registry.Values(c.Arch) {
		b.Metadata["marr."+name] = fmt.Sprint(v)
	}
	for _, path := range []string{f.fixed, f.weights} {
		format, err := export.FormatOf(path)
		if err != nil {
			return f, err
		}
		if err := format.Write(path, b); err != nil {
			return f, err
		}
	}
	if err := f.writeAnySize(b); err != nil {
		return f, err
	}
	for _, n := range batches {
		x := make([]float32, n*channels*side*side)
		rng.New(seed, uint32(n)).Uniform(x, -2, 2)
		f.images[n] = fmt.Sprintf("%s-%d.images", base, n)
		if err := writeFloats(f.images[n], x); err != nil {
			return f, err
		}
		if f.features[n], err = features(dev, st, m, x, n); err != nil {
			return f, err
		}
	}
	return f, nil
}

// writeAnySize writes the ONNX file for any size, if there is one.
func (f *files) writeAnySize(b export.Backbone) error {
	format, err := export.FormatOf(f.onnx)
	if err != nil {
		return err
	}
	b.AnySize = true
	if err = format.Write(f.onnx, b); errors.Is(err, export.ErrFixedSize) {
		f.onnx = f.fixed
		return nil
	}
	return err
}

// randomize draws running statistics, scales and shifts, so that no norm is the identity. Scales are below 1, so that features of 50 layers stay of order 1.
func randomize(st *kernels.Store) error {
	draw := func(stream int, n int, lo, hi float64) []float32 {
		v := make([]float32, n)
		rng.New(seed, 2, uint32(stream)).Uniform(v, lo, hi)
		return v
	}
	for i, p := range st.Params() {
		if len(p.Shape) != 1 {
			continue
		}
		lo, hi := -0.2, 0.2
		if strings.HasSuffix(p.Name, ".weight") {
			lo, hi = 0.3, 0.9
		}
		if err := p.Write(draw(i, p.Shape[0], lo, hi)); err != nil {
			return err
		}
	}
	for i, s := range st.States() {
		lo, hi := -0.1, 0.1
		switch {
		case strings.HasPrefix(s.Name, "marr."):
			continue
		case strings.HasSuffix(s.Name, ".running_var"):
			lo, hi = 0.8, 1.6
		}
		if err := s.Write(draw(1000+i, s.Shape[0], lo, hi)); err != nil {
			return err
		}
	}
	return nil
}

// features computes the features [n D] of images x [n C H W] on the device.
func features(dev *vk.Device, st *kernels.Store, m net.Backbone, x []float32, n int) ([]float32, error) {
	prog, err := kernels.Build(dev, st, func(g *kernels.Graph) {
		g.Output("features", m.Forward(g.Input("image", kernels.F32, n, side, side, channels), net.Eval))
	})
	if err != nil {
		return nil, err
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		return nil, err
	}
	kernels.Pack(r.Floats("image"), net.FromTorch([]int{n, side, side, channels}, x), channels)
	if err := r.Submit(); err != nil {
		return nil, err
	}
	if err := r.Wait(); err != nil {
		return nil, err
	}
	y := make([]float32, n*m.Dim())
	kernels.Unpack(y, r.Output("features"), m.Dim())
	return y, nil
}

func writeFloats(path string, x []float32) error {
	raw, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o666)
}

func readFloats(path string) ([]float32, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(raw)/4)
	_, err = binary.Decode(raw, binary.LittleEndian, x)
	return x, err
}
