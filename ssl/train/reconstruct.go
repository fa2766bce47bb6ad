package train

import (
	"math"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/vk"
)

// Reconstruct returns the views of n evenly spaced samples, what a method sees of them, and both parts together with the patches that it draws: [sample][3]. The
// job's method is an ssl.Masked, and its Start sets the weights of all networks. The samples and their views are those of Paint, with masks of their own.
//
// Predictions of normalized patches have neither mean nor deviation, so the patch of the view lends them its own (facebookresearch/mae, issue 12).
func Reconstruct(dev *vk.Device, c Config, j Job, n int) ([][]Painted, error) {
	network, err := c.Network(j.Set.C)
	if err != nil {
		return nil, err
	}
	st := kernels.NewStore(dev)
	defer st.Free()
	backbone, err := network.New(st, c.Seed)
	if err != nil {
		return nil, err
	}
	n = min(n, max(j.Set.Len(), 1))
	var x ssl.Reconstruction
	view := ViewConfig{Set: j.Set, Mean: j.Mean, Std: j.Std, Specs: j.Views, N: n, Seed: c.Seed}
	p, err := NewPainter(st, view, func(g *kernels.Graph, views []*kernels.Tensor) {
		s := &ssl.Step{Graph: g, Backbone: backbone, Heads: net.Scope{Store: st, Norm: c.HeadNorm, Seed: c.Seed}, N: n, Views: views}
		x = j.Method.(ssl.Masked).Reconstruct(s)
		g.Output("patches", x.Patches)
		OutputViews(g, views)
	})
	if err != nil {
		return nil, err
	}
	defer p.Free()
	if err := j.Start(st); err != nil {
		return nil, err
	}
	samples := spaced(n, p.batch.samples())
	r, err := p.Fill(j.Set, samples, 0)
	if err != nil {
		return nil, err
	}
	r.Draw(c.Seed, 0)
	if err := r.Submit(); err != nil {
		return nil, err
	}
	if err := r.Wait(); err != nil {
		return nil, err
	}
	out := make([][]Painted, len(samples))
	of := func(v []float32, i int) []float32 { return v[i*len(v)/n:][:len(v)/n] }
	for i, sample := range samples {
		seen := of(r.Output(ViewOutput(0)), i)
		hidden, drawn := slices.Clone(seen), slices.Clone(seen)
		removed := r.Ints(x.Removed)[i*x.Patches.Dim(1):][:x.Patches.Dim(1)]
		for k, patch := range removed {
			drawPatch(hidden, drawn, of(r.Output("patches"), i)[k*x.Patches.Stride():][:x.Patches.Width()], int(patch), j.Views[0].Size, x)
		}
		for _, pixels := range [][]float32{seen, hidden, drawn} {
			out[i] = append(out[i], Painted{Image: develop(pixels, p.batch.pictures, j.Views[0]), Source: j.Set.Image(sample), Target: -1})
		}
	}
	return out, nil
}

// drawPatch writes the prediction of a patch into drawn, and the mean color of the set, 0, into hidden. Both are padded pixels of a square view. Before the
// call, drawn has the patch of the view.
func drawPatch(hidden, drawn, predicted []float32, patch, size int, x ssl.Reconstruction) {
	columns, channels := size/x.Side, len(predicted)/(x.Side*x.Side)
	at := func(i int) int {
		pixel := i / channels
		row, column := patch/columns*x.Side+pixel/x.Side, patch%columns*x.Side+pixel%x.Side
		return 4*(row*size+column) + i%channels
	}
	mean, deviation := 0.0, 1.0
	if x.Normalized {
		square, n := 0.0, float64(len(predicted))
		for i := range predicted {
			mean += float64(drawn[at(i)]) / n
		}
		for i := range predicted {
			square += math.Pow(float64(drawn[at(i)])-mean, 2) / (n - 1)
		}
		deviation = math.Sqrt(square + 1e-6)
	}
	for i, v := range predicted {
		hidden[at(i)], drawn[at(i)] = 0, float32(mean+float64(deviation*float64(v)))
	}
}

// spaced returns n evenly spaced numbers below a total, or all if there are fewer.
func spaced(n, total int) []int {
	out := make([]int, min(n, total))
	for i := range out {
		out[i] = i * total / len(out)
	}
	return out
}
