package kernels

import (
	"encoding/binary"
	"math"
	"runtime"
	"strings"

	"github.com/marr-ssl/marr/vk"
)

// MixedPrecision makes Half convert tensors. Call it before the first op. It panics on a driver that cannot compile kernels with halves.
func (g *Graph) MixedPrecision() {
	if g.dev != nil {
		if err := CheckMixed(g.dev.Info()); err != nil {
			panic(err) // a *BuildError
		}
	}
	g.mixed = true
}

// CheckMixed returns a *BuildError for a device whose driver cannot compile kernels with halves.
func CheckMixed(d vk.Info) error {
	if abortsOnHalves(d, runtime.GOARCH) {
		return &BuildError{"MixedPrecision", d.Driver + " would abort the program: use fp32, or install Mesa 25 or later"}
	}
	return nil
}

// abortsOnHalves reports whether a driver's compiler ends the program on unpackHalf2x16: that of Mesa 22.3.6 for arm64 does ("LLVM ERROR: Cannot select"),
// that of 25.0.7 does not.
func abortsOnHalves(d vk.Info, arch string) bool {
	return arch == "arm64" && d.DriverID == vk.DriverLlvmpipe && strings.Contains(d.Driver, "Mesa 22.")
}

// The rule of the loss scale is that of torch.amp.GradScaler, and MaxSkips ends a run that it cannot help.
const (
	firstScale  = 65536
	scaleGrowth = 2000 // finite steps after which the scale is doubled
	MaxSkips    = 20   // steps in a row that are not finite, after which CheckFinite halts
)

// ScaleLoss makes Backward multiply the gradient by a scale, so that small gradients are not lost in halves. Optimizers divide by it. A step with a gradient or
// a loss that is not finite changes nothing but the scale, which is halved; the outputs "loss_scale" and "skips" of the segment with CheckFinite tell. Such
// a step counts as a step in schedules and in Adam's corrections of its bias. Call ScaleLoss before Backward.
func (g *Graph) ScaleLoss() {
	g.update.scaled = true
	g.store.lossScale()
	g.store.skips()
}

func (s *Store) lossScale() *State { return s.State("loss_scale", firstScale, 1) }

// skips holds the number of finite steps since the scale changed, and of steps in a row that were not finite.
func (s *Store) skips() *State { return s.State("loss_scale.count", 0, 2) }

// scaledVerdict is the verdict for scaled gradients.
func (g *Graph) scaledVerdict(last launch) launch {
	scale, skips := g.store.lossScale().Value(g), g.store.skips().Value(g)
	push := last.push
	last.kernel, last.binds = "verdict.scaled", append(last.binds, wholeOut(scale), wholeOut(skips))
	last.push = func(first, n int) constants {
		c := push(first, n)
		c["most"], c["growth"] = float64(MaxSkips), float64(scaleGrowth)
		return c
	}
	g.Output("loss_scale", scale)
	g.Output("skips", skips)
	return last
}

// scans reports whether the eager twin scans what a step writes.
func (g *Graph) scans(x *step) bool {
	return !g.update.scaled || !x.back && x.segment < g.update.verdict
}

// Skipped decodes the output "skips": whether the step was not finite, and is to be followed by others nevertheless.
func Skipped(skips []float32) bool { return skips[1] > 0 && skips[1] < MaxSkips }

// Half returns x in 16-bit floats (IEEE 754 binary16: 11 bits of precision, 6e-8 to 65504) if the program has mixed precision (Graph.MixedPrecision),
// else x. Ops on the result compute with floats and store halves, as do their gradients; parameters, statistics and sums stay floats.
// Matrix units multiply halves: products with such a tensor may round the other operand, a parameter for one, on the way.
func Half(x *Tensor) *Tensor {
	if !x.g.mixed || x.dtype == F16 {
		return x
	}
	return x.g.cast("Half", x, F16)
}

// Float returns x in 32-bit floats, or x if it has them.
func Float(x *Tensor) *Tensor {
	if x.dtype == F32 {
		return x
	}
	return x.g.cast("Float", x, F32)
}

func (g *Graph) cast(op string, x *Tensor, d DType) *Tensor {
	y := g.alloc(op, d, x.shape)
	y.needs = x.needs
	g.copy(y, x, 0, 0, x.Rows(), 0)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.copy(dx, dy, 0, 0, x.Rows(), add)
	})
	return y
}

// fromHalves decodes halves in little-endian order. It is for tests of finite numbers: subnormal ones become 0.
func fromHalves(b []byte) []float32 {
	v := make([]float32, len(b)/2)
	for i := range v {
		h := uint32(binary.LittleEndian.Uint16(b[2*i:]))
		sign, exponent, fraction := h>>15<<31, h>>10&31, h&1023<<13
		switch exponent {
		case 0:
			fraction = 0
		case 31:
			exponent = 255 << 23
		default:
			exponent = (exponent + 127 - 15) << 23
		}
		v[i] = math.Float32frombits(sign | exponent | fraction)
	}
	return v
}
