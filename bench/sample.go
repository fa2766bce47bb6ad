package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

// sample is one run of a pass.
type sample struct {
	time   time.Duration
	kernel string
}

// sampleOf sums the dispatches of a pass.
func sampleOf(ops []kernels.OpTime) sample {
	var s sample
	longest := time.Duration(-1)
	for _, o := range ops {
		s.time += o.Time
		if o.Kernel != "" && o.Time > longest { // fills have no kernel
			longest, s.kernel = o.Time, o.Kernel
		}
	}
	if len(ops) > 1 {
		s.kernel += fmt.Sprintf(" +%d", len(ops)-1)
	}
	return s
}

// sample returns the runs of each pass of a case.
func (c Case) sample(dev *vk.Device, n int, o KernelOptions) (map[string][]sample, error) {
	has := func(name string) bool {
		return slices.ContainsFunc(c.Passes, func(x Pass) bool { return x.Name == name })
	}
	var weights []kernels.OpTime // the backward pass of the weights alone, to separate it from the inputs'
	if has(wgrad) || has(dgrad) {
		b, err := c.build(dev, n, false, o.Tuner)
		if err != nil {
			return nil, err
		}
		defer b.free()
		ops, err := b.run()
		if err != nil {
			return nil, err
		}
		_, weights = splitPasses(ops)
		if !has(dgrad) {
			return c.repeat(b, weights, o)
		}
	}
	b, err := c.build(dev, n, true, o.Tuner)
	if err != nil {
		return nil, err
	}
	defer b.free()
	return c.repeat(b, weights, o)
}

// repeat runs a program o.Runs times after a warm-up run, or fewer times if the case exceeds maxCaseTime.
func (c Case) repeat(b *caseProgram, weights []kernels.OpTime, o KernelOptions) (map[string][]sample, error) {
	runs, out := o.Runs, map[string][]sample{}
	if runs == 0 {
		runs = defaultRuns
	}
	var start time.Time
	for i := range runs + 1 {
		if i == 1 {
			start = time.Now()
		}
		if i > min(runs, minRuns) && time.Since(start) > maxCaseTime {
			break
		}
		ops, err := b.run()
		if err != nil {
			return nil, err
		}
		passes, err := c.passes(ops, weights)
		if err != nil {
			return nil, err
		}
		for name, ops := range passes {
			if i > 0 {
				out[name] = append(out[name], sampleOf(ops))
			}
		}
	}
	return out, nil
}

// passes assigns the dispatches of a run to passes.
func (c Case) passes(ops, weights []kernels.OpTime) (map[string][]kernels.OpTime, error) {
	if c.Out == nil {
		return map[string][]kernels.OpTime{c.Passes[0].Name: ops}, nil
	}
	fwd, bwd := splitPasses(ops)
	out := map[string][]kernels.OpTime{forward: fwd, backward: bwd}
	if weights == nil {
		return out, nil
	}
	first, last := bwd[:min(len(weights), len(bwd))], bwd[max(0, len(bwd)-len(weights)):]
	switch {
	case slices.EqualFunc(first, weights, sameOp):
		out[wgrad], out[dgrad] = first, bwd[len(first):]
	case slices.EqualFunc(last, weights, sameOp):
		out[wgrad], out[dgrad] = last, bwd[:len(bwd)-len(last)]
	default:
		return nil, fmt.Errorf("the dispatches of the data gradient and the weight gradient cannot be separated")
	}
	return out, nil
}

func sameOp(a, b kernels.OpTime) bool { return a.Kernel == b.Kernel && a.Groups == b.Groups }

// splitPasses separates the dispatches of the forward pass from those that Backward recorded.
func splitPasses(ops []kernels.OpTime) (fwd, bwd []kernels.OpTime) {
	i := slices.IndexFunc(ops, func(o kernels.OpTime) bool { return o.Backward })
	if i < 0 {
		return ops, nil
	}
	return ops[:i], ops[i:]
}
