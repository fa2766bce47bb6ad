package ref_test

import (
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/ref/golden"
)

func TestReferencesMatchPyTorch(t *testing.T) {
	var paths []string
	for _, p := range cases.Golden {
		paths = append(paths, "../"+p)
	}
	failures, err := optest.CheckReferences(cases.All(), paths...)
	kerneltest.Pass(t, failures, err)
}

// augmentations holds the reference of each op of views.json.
var augmentations = map[string]func(img *ref.Tensor, s golden.Step) *ref.Tensor{
	"resized_crop": func(img *ref.Tensor, s golden.Step) *ref.Tensor {
		f := ref.Bilinear
		if s.Bicubic {
			f = ref.Bicubic
		}
		return ref.ResizedCrop(img, ref.Box{Top: s.Top, Left: s.Left, Height: s.Height, Width: s.Width}, s.OutHeight, s.OutWidth, f)
	},
	"window":     func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Window(img, s.Top, s.Left, s.Side) },
	"flip":       func(img *ref.Tensor, _ golden.Step) *ref.Tensor { return ref.FlipHorizontal(img) },
	"vflip":      func(img *ref.Tensor, _ golden.Step) *ref.Tensor { return ref.FlipVertical(img) },
	"rot90":      func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Rot90(img, s.Turns) },
	"brightness": func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Brightness(img, s.Factor) },
	"contrast":   func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Contrast(img, s.Factor) },
	"saturation": func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Saturation(img, s.Factor) },
	"hue":        func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Hue(img, s.Factor) },
	"gray":       func(img *ref.Tensor, _ golden.Step) *ref.Tensor { return ref.Gray(img) },
	"blur":       func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Blur(img, s.Kernel, s.Sigma) },
	"solarize":   func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Solarize(img, s.Factor) },
	"normalize":  func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Normalize(img, s.Mean, s.Std) },
	"erase": func(img *ref.Tensor, s golden.Step) *ref.Tensor {
		return ref.Erase(img, ref.Box{Top: s.Top, Left: s.Left, Height: s.Height, Width: s.Width})
	},
	"mask": func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Mask(img, s.Side, s.At) },
	"tiles": func(img *ref.Tensor, s golden.Step) *ref.Tensor {
		out := ref.New(0, s.Side, s.Side, img.Last())
		for _, at := range s.At {
			tile := ref.Window(img, at/4096, at%4096, s.Side)
			out = ref.Concat(out, ref.From(tile.Data, append([]int{1}, tile.Shape...)...))
		}
		return out
	},
}

func TestViewsMatchTorchvision(t *testing.T) {
	file, err := golden.Load("../testdata/views.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			img := ref.FromFloat32(c.Values(c.Inputs[0]), c.Inputs[0].Shape...)
			for i, u := range img.Data {
				img.Data[i] = min(math.Floor(256*u), 255) / 255
			}
			for _, s := range c.Steps {
				f := augmentations[s.Op]
				if f == nil {
					t.Fatalf("unknown step %q", s.Op)
				}
				img = f(img, s)
			}
			kerneltest.Pass(t, optest.CompareOutputs(c, map[string]*ref.Tensor{"y": img}), nil)
		})
	}
}
