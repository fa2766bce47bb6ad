package ssl

import (
	"fmt"
	"math"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
)

// LeJEPA and VISReg are joint-embedding predictive architectures: each view predicts the mean embedding of the global views, and a regularizer shapes the
// distribution of the embeddings along random directions. There is neither a momentum encoder nor a stop-gradient between the views.

// embedAndMean returns the embeddings of all views, [V·N out], and after them their mean over the global views (withGlobalMean), those as large as the first.
// The projector is a net.NormMLP of three layers; all views go through it as one batch-norm population.
func embedAndMean(method string, s *Step, hidden, out int) *kernels.Tensor {
	requireWholeViews(method, s)
	projector := s.Heads.NormMLP("projector", net.OnlyBias, s.Backbone.Dim(), hidden, hidden, out)
	z := projector.Forward(multiCrop(s.Backbone, s.Views), net.Train)
	s.ObservePairs(kernels.Slice(z, 0, 2*s.N))
	var isGlobal []bool
	for _, v := range s.Views {
		isGlobal = append(isGlobal, slices.Equal(v.Shape(), s.Views[0].Shape()))
	}
	return withGlobalMean(z, isGlobal)
}

// withGlobalMean returns the embeddings of V views, z [V·N D], and after them their mean over the global views, [N D], which is not a constant.
func withGlobalMean(z *kernels.Tensor, isGlobal []bool) *kernels.Tensor {
	var globals []*kernels.Tensor
	for v, x := range perView(z, z.Dim(0)/len(isGlobal)) {
		if isGlobal[v] {
			globals = append(globals, x)
		}
	}
	sum := globals[0]
	for _, x := range globals[1:] {
		sum = kernels.Add(sum, x)
	}
	return kernels.Concat(z, kernels.Scale(sum, 1/float64(len(globals))))
}

// jointLoss returns (1 − λ)·mean (z̄ − z)² + λ·regularizer(z), for the embeddings z [V·N D] and their mean z̄ of withGlobalMean.
func jointLoss(s *Step, zAndMean *kernels.Tensor, lambda float64, regularizer func(z *kernels.Tensor) *kernels.Tensor) *kernels.Tensor {
	all := zAndMean.Dim(0)
	z, mean := kernels.Slice(zAndMean, 0, all-s.N), kernels.Slice(zAndMean, all-s.N, all)
	means := kernels.Concat(slices.Repeat([]*kernels.Tensor{mean}, all/s.N-1)...)
	distance := kernels.MeanSquare(kernels.AddScaled(z, means, -1))
	return kernels.Add(kernels.Scale(distance, 1-lambda), kernels.Scale(regularizer(z), lambda))
}

// jointDefaults sets the number of directions, and returns the other settings. Short runs have two large views; long ones the authors' decay of residual
// networks, and their directions (rbalestr-lab/lejepa, README.md). Vision transformers drop paths, as in all recipes of the authors.
func jointDefaults(s Scale, slices *int) Settings {
	o := usual("adamw", s)
	if s.Transformer {
		o.Backbone = map[string]any{"drop-path": 0.1}
	}
	if *slices = 256; s.Shown() < ShortRun {
		o = o.short(s)
		o.Views = "from = \"simclr\"\n\n" + o.Views
		return o
	}
	if *slices = 1024; !s.Transformer {
		o.Decay = 5e-4
	}
	return o
}

// requireJoint panics on settings that cannot work.
func requireJoint(method string, lambda float64, slices int) {
	if !(lambda >= 0 && lambda <= 1) || slices < 1 {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("lambda %g, %d slices: want lambda within 0 … 1, and at least one slice", lambda, slices)})
	}
}

// directions returns random unit vectors [count width], uniform on the sphere, that the host draws anew for every step.
func directions(s *Step, count, width int) *kernels.Tensor {
	name := s.Graph.Draw("directions", func(r *kernels.Run, name string, src *rng.Source) {
		rows := r.Floats(name)
		clear(rows)
		for row := range slices.Chunk(rows, len(rows)/count) {
			drawDirection(row[:width], src)
		}
	})
	return s.Graph.Input(name, kernels.F32, count, width)
}

// drawDirection fills v with a unit vector: the direction of a vector of independent normal numbers.
func drawDirection(v []float32, src *rng.Source) {
	sum := 0.0
	for i := range v {
		x := src.Normal()
		v[i], sum = float32(x), sum+float64(x*x)
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
}
