package views

import "github.com/marr-ssl/marr/kernels/rng"

// color writes the columns of color jitter, grayscale, blur and solarize.
func (s Spec) color(dst []float32, from streams) {
	dst[Brightness], dst[Contrast], dst[Saturation], dst[SolarizeThreshold] = 1, 1, 1, 2
	if j := s.ColorJitter; j != nil && j.P > 0 {
		if src := from.of(opJitter); src.Float64() < j.P {
			j.draw(dst, src)
		}
	}
	if from.bernoulli(opGray, s.Grayscale) {
		dst[Gray] = 1
	}
	if b := s.GaussianBlur; b != nil && b.P > 0 {
		if src := from.of(opBlur); src.Float64() < b.P {
			dst[BlurSigma] = float32(src.Range(b.Sigma[0], b.Sigma[1]))
		}
	}
	if z := s.Solarize; z != nil && from.bernoulli(opSolarize, z.P) {
		dst[SolarizeThreshold] = float32(z.Threshold)
	}
}

// draw draws as ColorJitter.get_params does: an order of the four ops (rng's Perm, in place), then the factor of each op whose strength
// is not 0, in the order brightness, contrast, saturation, hue.
func (j ColorJitter) draw(dst []float32, src *rng.Source) {
	strength := [4]float64{j.Brightness, j.Contrast, j.Saturation, j.Hue}
	order := [4]int{0, 1, 2, 3}
	for i := 3; i > 0; i-- {
		k := src.Intn(i + 1)
		order[i], order[k] = order[k], order[i]
	}
	for op, b := range strength {
		switch {
		case b == 0:
		case op == 3:
			dst[Hue] = float32(src.Range(-b, b))
		default:
			dst[Brightness+op] = float32(src.Range(max(0, 1-b), 1+b))
		}
	}
	code, shift := 0, 0
	for _, op := range order {
		if strength[op] != 0 {
			code |= (op + 1) << shift
			shift += 3
		}
	}
	dst[JitterOrder] = float32(code)
}
