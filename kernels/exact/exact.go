// Package exact has elementary functions that return the same bits on every processor, for numbers that decide a data set or the course of a training:
// draws, views, initial weights, schedules, positions. Two things differ between processors:
//
//   - Functions of package math, such as Exp, Log, Sin and Cos, by up to 3 units in the last place: some are in assembly, and on amd64 Exp depends on whether
//     the processor has fused multiply-adds. Sqrt, and functions that round, are the same everywhere.
//   - A product that feeds a sum: on arm64, ppc64, riscv64 and s390x the compiler fuses the two into one instruction, which rounds once. A conversion forbids
//     it: float64(x*y) + z.
//
// So the packages kernels, net, ssl, ssl/data, ssl/train and ssl/views, with those in their folders kernels/exact, kernels/rng and ssl/data, convert every
// product that feeds a sum, and `make check-arm64` finds those that do not in the compiled code. Scores, pictures and messages do not matter so much: in the
// other packages the last digit may depend on the processor.
package exact

import "math"

const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// Exp returns eˣ for finite x, with an error below 1 unit in the last place. Source: FreeBSD's msun (e_exp.c: Sun Microsystems 1993).
func Exp(x float64) float64 {
	k := math.RoundToEven(x * math.Log2E)
	hi, lo := x-float64(k*ln2Hi), float64(k*ln2Lo)
	r := hi - lo
	t := r * r
	c := r - float64(t*polynomial(t, 4.13813679705723846039e-08, -1.65339022054652515390e-06, 6.61375632143793436117e-05,
		-2.77777777770155933842e-03, 1.66666666666666019037e-01))
	y := 1 - ((lo - r*c/(2-c)) - hi)
	return math.Ldexp(y, int(k))
}

// Log returns the natural logarithm of a finite x > 0, with an error below 1 unit in the last place. Source: FreeBSD's msun (e_log.c: Sun Microsystems 1993).
func Log(x float64) float64 {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	f--
	k := float64(e)
	s := f / (2 + f)
	t := s * s
	r := t * polynomial(t, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
		2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01)
	half := float64(0.5 * f * f)
	low := float64(s*(half+float64(r))) + float64(k*ln2Lo)
	return float64(k*ln2Hi) - ((half - low) - f)
}

// Sincos returns sin x and cos x for |x| below 2²⁰, with absolute errors below 2⁻⁵². Source: Moshier's Cephes (sin.c), as in Go's package math.
func Sincos(x float64) (sin, cos float64) {
	const a, b, c = 7.85398125648498535156e-1, 3.77489470793079817668e-8, 2.69515142907905952645e-15 // π/4 = a + b + c
	octant := uint64(math.Abs(x) * (4 / math.Pi))
	octant += octant & 1
	y := float64(octant)
	z := math.Abs(x) - float64(y*a) - float64(y*b) - float64(y*c) // within ±π/4
	zz := z * z
	sin = z + float64(z*zz*polynomial(zz, 1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6,
		-1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1))
	cos = 1 - float64(0.5*zz) + float64(zz*zz*polynomial(zz, -1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7,
		2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2))
	switch octant & 7 {
	case 2:
		sin, cos = cos, -sin
	case 4:
		sin, cos = -sin, -cos
	case 6:
		sin, cos = -cos, sin
	}
	return math.Copysign(1, x) * sin, cos
}

// Cos returns cos x, see Sincos.
func Cos(x float64) float64 {
	_, cos := Sincos(x)
	return cos
}

// polynomial returns (c₀·x + c₁)·x … + cₙ.
func polynomial(x float64, c ...float64) float64 {
	y := c[0]
	for _, v := range c[1:] {
		y = float64(y*x) + v
	}
	return y
}
