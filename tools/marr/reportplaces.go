package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"path"
	"strings"

	"golang.org/x/image/draw"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/report/page"
	"github.com/marr-ssl/marr/ssl/saliency"
	"github.com/marr-ssl/marr/vk"
)

// places shows where networks look in some images.
type places struct {
	*look
	images []int // of the set
	set    *data.Set
	seen   []*image.RGBA // the images after the test transform
}

// addPlaces adds pictures of the last feature maps and, of transformers, of the attention of the class token.
func (l *look) addPlaces(ctx context.Context) error {
	p := places{look: l, images: evenlySpaced(l.set.Len(), l.most(reportQueries))}
	p.set = l.set.Subset(p.images)
	var err error
	if p.seen, err = l.last().prepared(ctx, l.dev, p.set); err != nil {
		return err
	}
	var of grid // of the last network
	colors, attention := make([][]image.Image, len(l.nets)), make([][]image.Image, len(l.nets))
	for i, n := range l.nets {
		if of, err = n.grid(ctx, l.dev, p.set); err == nil {
			colors[i], err = saliency.Colors(of.values, p.set.Len(), of.h, of.w, of.d)
		}
		if err != nil && ctx.Err() == nil {
			l.note(l.run, "Where the network looks is left out: "+oneLine(err))
			return nil
		} else if err != nil {
			return err
		}
		if attention[i], err = n.classAttention(ctx, l.dev, p.set, of.w); err != nil {
			return err
		}
	}
	p.addPanel("Feature maps in color", fmt.Sprintf("The last features at each of %d×%d places of an image: their first three principal components, over all places of these images, "+
		"as red, green and blue. Places of one color have similar features. The colors of two networks cannot be compared.", of.h, of.w), colors)
	if attention[0] != nil {
		p.addPanel("Where the class token looks", "Its attention to each patch in the last block, the mean over the heads. The patch with the most attention in an image is white.", attention)
	}
	return nil
}

// addPanel adds a panel with each image and, beside it, a picture by each network.
func (p *places) addPanel(title, about string, pictures [][]image.Image) {
	panel := page.Panel{Title: title, About: about, Compact: true}
	for i, k := range p.images {
		row := page.Row{Pictures: []page.Picture{original(p.seen[i], classOf(p.look.set, k), p.name(k))}}
		for net, n := range p.nets {
			row.Pictures = append(row.Pictures, smooth(pictures[net][i], strings.TrimSuffix(n.name, " network")))
		}
		panel.Strips = append(panel.Strips, page.Strip{Rows: []page.Row{row}})
	}
	p.add(panel)
}

// original returns the picture of an image after the test transform, with its class and file.
func original(seen image.Image, class, name string) page.Picture {
	p := page.Picture{JPEG: jpegOf(scaled(seen, pictureSide)), Caption: []string{path.Base(name)}, Alt: name}
	if class != "" {
		class = data.Printable(class)
		p.Caption, p.Alt = append([]string{class}, p.Caption...), class+", "+name
	}
	return p
}

// smooth returns a small picture, enlarged with smooth transitions.
func smooth(small image.Image, caption string) page.Picture {
	return page.Picture{JPEG: jpegOf(scaledBy(draw.BiLinear, small, pictureSide)), Caption: []string{caption}}
}

// grid is a set of feature maps, [N h w d]. Those of a transformer lack its class token.
type grid struct {
	h, w, d int
	values  []float32
}

// grid computes the feature maps of a set.
func (s subject) grid(ctx context.Context, dev *vk.Device, set *data.Set) (g grid, err error) {
	enc, free, err := s.encoder(dev, true, set)
	if err != nil {
		return g, err
	}
	defer free()
	f, err := enc.Features(ctx, set)
	if err != nil {
		return g, err
	}
	shape := enc.Shape()
	if len(shape) == 3 {
		return grid{shape[0], shape[1], shape[2], f.X}, nil
	}
	patch := s.patch()
	if patch == 0 {
		return g, errors.New("its features have no places")
	}
	side := s.inputs.Size / patch
	if side*side+1 != shape[0] {
		return g, fmt.Errorf("the network has %d tokens, and images of %d×%d px have %d patches", shape[0], s.inputs.Size, s.inputs.Size, side*side)
	}
	g = grid{h: side, w: side, d: shape[1]}
	for i := range set.Len() {
		g.values = append(g.values, f.X[i*f.D:][g.d:f.D]...)
	}
	return g, nil
}

// patch returns the side of a patch of a transformer in pixels; 0: it is none.
func (s subject) patch() int {
	network, err := s.network()
	if err != nil {
		return 0
	}
	patch, _ := net.PatchSize(network.Arch)
	return patch
}

// lastAttention is a network that ends before the attention of the last block.
type lastAttention struct {
	of    net.PatchNetwork
	heads *int // set by Forward
}

func (a lastAttention) Forward(x *kernels.Tensor, m net.Mode) *kernels.Tensor {
	qkv, heads := a.of.LastAttention(x, m)
	*a.heads = heads
	return qkv
}

// classAttention returns pictures of the attention of the class token, w patches in a row; nil for a network without one.
func (s subject) classAttention(ctx context.Context, dev *vk.Device, set *data.Set, w int) ([]image.Image, error) {
	st, backbone, err := s.load(dev)
	if err != nil {
		return nil, err
	}
	defer st.Free()
	patches, ok := net.Patches(backbone)
	if !ok {
		return nil, nil
	}
	heads := 0
	enc, err := eval.NewEncoder(st, lastAttention{patches, &heads}, s.inputs, set)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	f, err := enc.Features(ctx, set)
	if err != nil {
		return nil, err
	}
	var out []image.Image
	for i := range set.Len() {
		out = append(out, saliency.Heat(saliency.ClassAttention(f.X[i*f.D:][:f.D], enc.Shape()[0], heads), w))
	}
	return out, nil
}

// prepared returns the images of a set after the test transform: what the network sees. Those of a transformer end with the last whole patch.
func (s subject) prepared(ctx context.Context, dev *vk.Device, set *data.Set) ([]*image.RGBA, error) {
	st := kernels.NewStore(dev)
	defer st.Free()
	enc, err := eval.NewEncoder(st, pixels{}, s.inputs, set)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	f, err := enc.Features(ctx, set)
	if err != nil {
		return nil, err
	}
	size, channels, side := s.inputs.Size, len(s.inputs.Mean), s.inputs.Size
	if patch := s.patch(); patch > 0 {
		side -= size % patch
	}
	var out []*image.RGBA
	for i := range set.Len() {
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		x := f.X[i*f.D:][:f.D]
		level := func(at, c int) uint8 {
			return uint8(math.Round(255 * min(max(float64(x[at*channels+c])*s.inputs.Std[c]+s.inputs.Mean[c], 0), 1)))
		}
		for at := range size * size {
			img.SetRGBA(at%size, at/size, color.RGBA{level(at, 0), level(at, channels/2), level(at, channels-1), 255}) // those outside are left out
		}
		out = append(out, img)
	}
	return out, nil
}
