package cases

import (
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// updates are the ops that change state over three steps. TestOptimizersMatchPyTorch and TestCentersMatchPyTorch of package kernels compare the
// device with PyTorch.
func updates() []Op {
	return []Op{
		{Name: "sgd", More: descend(ref.SGD)},
		{Name: "lars", More: descend(func(p, g, v *ref.Tensor, o ref.SGDParams) (*ref.Tensor, *ref.Tensor) {
			return ref.LARS(p, g, v, 0.001, o)
		})},
		{Name: "larc", More: descend(func(p, g, v *ref.Tensor, o ref.SGDParams) (*ref.Tensor, *ref.Tensor) {
			return ref.LARC(p, g, v, 0.02, o)
		})},
		{Name: "adamw", More: adamW},
		{Name: "center", More: center},
	}
}

func descend(f func(p, g, v *ref.Tensor, o ref.SGDParams) (*ref.Tensor, *ref.Tensor)) func(in optest.Values) map[string]*ref.Tensor {
	return func(in optest.Values) map[string]*ref.Tensor {
		p, v := in.T("p"), ref.New(in.T("p").Shape...)
		o := ref.SGDParams{LR: in.Num("lr"), Momentum: in.Num("momentum"), Decay: in.Num("weight_decay"), Nesterov: in.On("nesterov")}
		for _, g := range []string{"g0", "g1", "g2"} {
			p, v = f(p, clipped(in, g), v, o)
		}
		return map[string]*ref.Tensor{"p": p, "buf": v}
	}
}

func adamW(in optest.Values) map[string]*ref.Tensor {
	o := ref.AdamWParams{LR: in.Num("lr"), Beta1: in.Num("beta1"), Beta2: in.Num("beta2"), Eps: in.Num("eps"),
		Decay: in.Num("weight_decay"), Coupled: in.On("coupled")}
	p, m, v := in.T("p"), ref.New(in.T("p").Shape...), ref.New(in.T("p").Shape...)
	for step, g := range []string{"g0", "g1", "g2"} {
		p, m, v = ref.AdamW(p, clipped(in, g), m, v, step+1, o)
	}
	return map[string]*ref.Tensor{"p": p, "m": m, "v": v}
}

// clipped returns a gradient as the optimizer gets it.
func clipped(in optest.Values, name string) *ref.Tensor {
	if most := in.Num("clip"); most > 0 {
		all, _ := ref.ClipNorm(most, in.T(name))
		return all[0]
	}
	return in.T(name)
}

// center is DINO's teacher over three batches: probabilities with the center before each batch's update.
func center(in optest.Values) map[string]*ref.Tensor {
	center, y := ref.New(in.T("x0").Last()), (*ref.Tensor)(nil)
	for _, x := range []string{"x0", "x1", "x2"} {
		y = ref.CenteredSoftmax(in.T(x), center, in.Num("temperature"))
		center = ref.Average(center, ref.ColumnMean(in.T(x)), in.Num("momentum"))
	}
	return map[string]*ref.Tensor{"y": y, "center": center}
}
