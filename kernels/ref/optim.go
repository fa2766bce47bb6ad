package ref

import "math"

// ClipNorm multiplies all gradients by min(1, most/(norm + 1e-6)), where norm is the 2-norm of all of them together. It returns both.
// Source: PyTorch, torch.nn.utils.clip_grad_norm_.
func ClipNorm(most float64, grads ...*Tensor) (clipped []*Tensor, norm float64) {
	for _, g := range grads {
		norm += Dot(g, g)
	}
	norm = math.Sqrt(norm)
	for _, g := range grads {
		clipped = append(clipped, mapped(g, func(v float64) float64 { return v * min(1, most/(norm+1e-6)) }))
	}
	return clipped, norm
}

// SGDParams are the settings of one SGD step.
type SGDParams struct {
	LR       float64 // learning rate
	Momentum float64 // weight of the old velocity, 0 for none
	Decay    float64 // weight decay, added to the gradient
	Nesterov bool    // the step is g' + Momentum·v instead of v
}

// SGD is one step of gradient descent with momentum, from velocity 0 at the first step:
//
//	g' = g + Decay·p,  v ← Momentum·v + g',  p ← p − LR·v
//
// p, g, v and the results have one shape. Source: PyTorch, torch.optim.SGD with dampening 0.
func SGD(p, g, v *Tensor, o SGDParams) (newP, newV *Tensor) {
	sameShape("SGD", p, g)
	sameShape("SGD", p, v)
	newP, newV = New(p.Shape...), New(p.Shape...)
	for i := range p.Data {
		grad := g.Data[i] + o.Decay*p.Data[i]
		newV.Data[i] = o.Momentum*v.Data[i] + grad
		step := newV.Data[i]
		if o.Nesterov {
			step = grad + o.Momentum*newV.Data[i]
		}
		newP.Data[i] = p.Data[i] - o.LR*step
	}
	return newP, newV
}

// LARS is one step of SGD with layer-wise adaptive rates, from velocity 0 at the first step:
//
//	g' = g + Decay·p,  q = trust·‖p‖/‖g'‖ or 1 if a norm is 0,  v ← Momentum·v + q·g',  p ← p − LR·v
//
// p, g, v and the results have one shape. Source: You et al. 2017, arXiv:1708.03888, in the form of facebookresearch/barlowtwins, main.py.
func LARS(p, g, v *Tensor, trust float64, o SGDParams) (newP, newV *Tensor) {
	g, q := AddScaled(g, p, o.Decay), 1.0
	if a, b := norm(p), norm(g); a > 0 && b > 0 {
		q = trust * a / b
	}
	o.Decay = 0
	return SGD(p, Scale(g, q), v, o)
}

// LARC is SGD of q·(g + Decay·p), q = min(1, trust·‖p‖/(‖g‖ + Decay·‖p‖ + 1e-8)/LR), or of g alone if a norm is 0.
// p, g, v and the results have one shape. Source: NVIDIA Apex, apex/parallel/LARC.py with clip.
func LARC(p, g, v *Tensor, trust float64, o SGDParams) (newP, newV *Tensor) {
	if a, b := norm(p), norm(g); a > 0 && b > 0 {
		q := min(1, trust*a/(b+o.Decay*a+1e-8)/o.LR)
		g = Scale(AddScaled(g, p, o.Decay), q)
	}
	o.Decay = 0
	return SGD(p, g, v, o)
}

func norm(t *Tensor) float64 { return math.Sqrt(Dot(t, t)) }

// AdamWParams are the settings of one AdamW step; Decay 0 makes it Adam.
type AdamWParams struct {
	LR           float64 // learning rate
	Beta1, Beta2 float64 // weights of the old moments
	Eps          float64 // added to the root of the corrected second moment
	Decay        float64 // decoupled weight decay, multiplied by LR
	Coupled      bool    // Decay·p is added to the gradient instead: Adam
}

// AdamW is step t = 1, 2, … from zero moments:
//
//	m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²
//	p ← (1 − LR·Decay)·p − LR · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + Eps)
//
// p, g, m, v and the results have one shape. Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, in the
// form of torch.optim.AdamW, which scales the decay by LR. With Coupled it is torch.optim.Adam.
func AdamW(p, g, m, v *Tensor, step int, o AdamWParams) (newP, newM, newV *Tensor) {
	sameShape("AdamW", p, g)
	sameShape("AdamW", p, m)
	sameShape("AdamW", p, v)
	if step < 1 {
		fail("AdamW", "steps count from 1, step is", step)
	}
	newP, newM, newV = New(p.Shape...), New(p.Shape...), New(p.Shape...)
	c1, c2 := 1-math.Pow(o.Beta1, float64(step)), 1-math.Pow(o.Beta2, float64(step))
	shrink := 1 - o.LR*o.Decay
	if o.Coupled {
		g, shrink = AddScaled(g, p, o.Decay), 1
	}
	for i, grad := range g.Data {
		newM.Data[i] = o.Beta1*m.Data[i] + (1-o.Beta1)*grad
		newV.Data[i] = o.Beta2*v.Data[i] + (1-o.Beta2)*grad*grad
		newP.Data[i] = shrink*p.Data[i] - o.LR*(newM.Data[i]/c1)/(math.Sqrt(newV.Data[i]/c2)+o.Eps)
	}
	return newP, newM, newV
}

// Average is one step of an exponential moving average, avg ← momentum·avg + (1−momentum)·p: the target
// network of BYOL (Grill et al. 2020, arXiv:2006.07733, eq. 1). avg, p and the result have one shape.
func Average(avg, p *Tensor, momentum float64) *Tensor {
	sameShape("Average", avg, p)
	out := New(p.Shape...)
	for i, v := range p.Data {
		out.Data[i] = momentum*avg.Data[i] + (1-momentum)*v
	}
	return out
}
