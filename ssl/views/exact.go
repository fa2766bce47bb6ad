package views

import "math"

// exp and log return the same bits on every processor. Go's math.Exp and math.Log may not: they are in assembly on some processors,
// and a compiler may fuse a product into a sum. Here every product that feeds a sum is converted, which forbids fusing. Source: FreeBSD's
// msun (e_exp.c, e_log.c: Sun Microsystems 1993); errors below 1 ulp for finite x, and x > 0 in log.
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

func exp(x float64) float64 {
	k := math.RoundToEven(x * math.Log2E)
	hi, lo := x-float64(k*ln2Hi), float64(k*ln2Lo)
	r := hi - lo
	t := r * r
	c := r - horner(t, 4.13813679705723846039e-08, -1.65339022054652515390e-06, 6.61375632143793436117e-05,
		-2.77777777770155933842e-03, 1.66666666666666019037e-01)
	y := 1 - ((lo - r*c/(2-c)) - hi)
	return math.Ldexp(y, int(k))
}

func log(x float64) float64 {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	f--
	k := float64(e)
	s := f / (2 + f)
	r := horner(s*s, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
		2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01)
	half := float64(0.5 * f * f)
	low := float64(s*(half+r)) + float64(k*ln2Lo)
	return float64(k*ln2Hi) - ((half - low) - f)
}

// horner returns x·(… (c₀·x + c₁)·x … + cₙ).
func horner(x float64, c ...float64) float64 {
	y := 0.0
	for _, v := range c {
		y = float64((y + v) * x)
	}
	return y
}
