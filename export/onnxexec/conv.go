package onnxexec

import "fmt"

// window is a 2-D kernel sliding over an image: attributes kernel_shape, strides, pads (top, left, bottom, right), dilations, ceil_mode.
type window struct {
	kh, kw, sh, sw, top, left, bottom, right, dh, dw int
	oh, ow                                           int // of the output
}

// newWindow reads the attributes for an input of h × w pixels. kernel is the default of kernel_shape, or nil if that is required.
func newWindow(c *call, h, w int, kernel []int) (window, error) {
	if pad, ok := c.attrs["auto_pad"].(string); ok && pad != "NOTSET" && pad != "" {
		return window{}, fmt.Errorf("auto_pad %s is not supported: state the pads", pad)
	}
	list := func(name string, def ...int) ([]int, error) {
		v := c.ints(name)
		if v == nil {
			v = def
		}
		if len(v) != len(def) {
			return nil, fmt.Errorf("%s %v: want %d numbers: only images are supported", name, v, len(def))
		}
		return v, nil
	}
	if kernel == nil {
		kernel = []int{0, 0}
	}
	k, err := list("kernel_shape", kernel...)
	if err != nil {
		return window{}, err
	}
	s, err := list("strides", 1, 1)
	if err != nil {
		return window{}, err
	}
	p, err := list("pads", 0, 0, 0, 0)
	if err != nil {
		return window{}, err
	}
	d, err := list("dilations", 1, 1)
	if err != nil {
		return window{}, err
	}
	if min(k[0], k[1], s[0], s[1], d[0], d[1]) < 1 || min(p[0], p[1], p[2], p[3]) < 0 {
		return window{}, fmt.Errorf("kernel_shape %v, strides %v, dilations %v must be at least 1, pads %v at least 0", k, s, d, p)
	}
	win := window{kh: k[0], kw: k[1], sh: s[0], sw: s[1], top: p[0], left: p[1], bottom: p[2], right: p[3], dh: d[0], dw: d[1]}
	ceil := c.int("ceil_mode", 0) != 0
	win.oh = places(h, win.top, win.bottom, win.dh*(win.kh-1)+1, win.sh, ceil)
	win.ow = places(w, win.left, win.right, win.dw*(win.kw-1)+1, win.sw, ceil)
	if win.oh < 1 || win.ow < 1 {
		return window{}, fmt.Errorf("the kernel %v (dilations %v) does not fit into %d x %d pixels with pads %v", k, d, h, w, p)
	}
	return win, nil
}

// places returns the number of positions of a kernel that spans extent pixels. With ceil a last position may reach beyond the padding if it
// begins before the bottom padding (ONNX Runtime and PyTorch drop one that covers padding alone).
func places(size, before, after, extent, stride int, ceil bool) int {
	room := size + before + after - extent
	if room < 0 {
		return 0
	}
	n := room/stride + 1
	if ceil && room%stride != 0 && n*stride < size+before {
		n++
	}
	return n
}

// convTile is the number of output pixels in one matrix product: their patches fit into the second-level cache.
const convTile = 64

// conv computes Y[n o y x] = B[o] + Σ_{c i j} X[n, g·C/G + c, y·s − p + i·d, x·s − p + j·d] · W[o c i j], where g is the group of o; X [N C H W],
// W [O C/G kh kw], B [O]. The patches of a tile of output pixels become rows (im2row) of a matrix product.
func conv(c *call) (*array, error) {
	x, w, bias := c.in[0], c.in[1], c.input(2)
	group := c.int("group", 1)
	if len(x.shape) != 4 || len(w.shape) != 4 {
		return nil, fmt.Errorf("X %v and W %v: want [N C H W] and [O C/group kh kw]", x.shape, w.shape)
	}
	n, ch, h, wd, o := x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0]
	if group < 1 || o%group != 0 || ch != w.shape[1]*group {
		return nil, fmt.Errorf("X %v has %d channels, and W %v with group %d takes %d", x.shape, ch, w.shape, group, w.shape[1]*group)
	}
	if bias != nil && len(bias.f) != o {
		return nil, fmt.Errorf("B %v: want [%d]", bias.shape, o)
	}
	win, err := newWindow(c, h, wd, w.shape[2:])
	if err != nil {
		return nil, err
	}
	if win.kh != w.shape[2] || win.kw != w.shape[3] {
		return nil, fmt.Errorf("kernel_shape [%d %d] and W %v differ", win.kh, win.kw, w.shape)
	}
	y, err := zeros(n, o, win.oh, win.ow)
	if err != nil {
		return nil, err
	}
	weights, biases := widen(w.f), make([]float64, o)
	if bias != nil {
		biases = widen(bias.f)
	}
	pixels, cg, og := win.oh*win.ow, ch/group, o/group
	k := cg * win.kh * win.kw
	tiles := (pixels + convTile - 1) / convTile
	parallel(n*group*tiles, func(i int, scratch *[]float64) {
		img, g, lo := i/(group*tiles), i/tiles%group, i%tiles*convTile
		hi := min(lo+convTile, pixels)
		patches := room(scratch, (hi-lo)*k)
		win.im2row(patches, x.f[(img*ch+g*cg)*h*wd:][:cg*h*wd], h, wd, cg, lo, hi)
		out := y.f[(img*o+g*og)*pixels+lo : (img*o+(g+1)*og)*pixels]
		rowDots(out, pixels, weights[g*og*k:][:og*k], patches, biases[g*og:][:og], og, hi-lo, k)
	})
	return y, nil
}

// im2row writes the patches of output pixels lo … hi−1 as rows of ch·kh·kw numbers, with zeros outside the image.
func (win window) im2row(dst []float64, img []float32, h, w, ch, lo, hi int) {
	at := 0
	for p := lo; p < hi; p++ {
		y0, x0 := p/win.ow*win.sh-win.top, p%win.ow*win.sw-win.left
		for c := range ch {
			plane := img[c*h*w:][:h*w]
			for i := range win.kh {
				row := dst[at:][:win.kw]
				at += win.kw
				y := y0 + i*win.dh
				if y < 0 || y >= h {
					clear(row)
					continue
				}
				src := plane[y*w:][:w]
				for j := range row {
					if x := x0 + j*win.dw; x >= 0 && x < w {
						row[j] = float64(src[x])
					} else {
						row[j] = 0
					}
				}
			}
		}
	}
}
