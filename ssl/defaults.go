package ssl

import "math"

// Scale is the size of a run, from which a method chooses its default settings.
type Scale struct {
	Images int // in the data set
	Size   int // side of a view, pixels
	Dim    int // width of the backbone's features
	Epochs int
	Batch  int // images per step

	Transformer bool // the backbone is a vision transformer (net.Config.IsTransformer); else a residual network
}

// Steps returns the number of optimizer steps.
func (s Scale) Steps() int { return s.Epochs * (s.Images / max(s.Batch, 1)) }

// Shown returns the number of images that the run shows.
func (s Scale) Shown() int { return s.Epochs * s.Images }

// ShortRun is the number of images below which a run is short: published comparisons of methods show more.
const ShortRun = 2_000_000

// Settings are what a method recommends besides its hyper-parameters.
type Settings struct {
	Optimizer string
	LR        float64 // peak learning rate
	Decay     float64 // weight decay at the start
	DecayEnd  float64 // weight decay at the end of a cosine; 0: Decay
	Beta2     float64 // of AdamW and Adam; 0: net.DefaultBeta2
	Warmup    float64 // fraction of the steps over which the learning rate rises
	ClipEach  float64 // largest norm of each parameter's gradient; 0: any
	Views     string  // TOML that changes the method's views (views.Decode); "": no change

	Backbone map[string]any // values of settings that an architecture may have for its training, such as drop-path
}

// Tuned is a Method whose default settings depend on the scale of the run.
type Tuned interface {
	Method
	// Defaults sets the method's hyper-parameters for a run of this scale, and returns its other settings.
	Defaults(s Scale) Settings
}

// Defaults sets the hyper-parameters of a method for a run of this scale, and returns its other settings. An optimizer, if not "", replaces the method's
// own, and has its usual rate and decay.
func Defaults(m Method, s Scale, optimizer string) Settings {
	o := usual("adamw", s)
	if t, ok := m.(Tuned); ok {
		o = t.Defaults(s)
	}
	if optimizer != "" && optimizer != o.Optimizer {
		other := usual(optimizer, s)
		o.Optimizer, o.LR, o.Decay, o.DecayEnd, o.Beta2 = optimizer, other.LR, other.Decay, other.DecayEnd, other.Beta2
	}
	return o
}

// usualRate is the learning rate of an optimizer at a batch of 256, and its weight decay.
type usualRate struct{ rate, decay, power float64 }

// Rates that suit most methods. Adam's rate grows with the root of the batch (Malladi et al. 2022, arXiv:2205.10287), the other rates grow with the batch
// (Goyal et al. 2017, arXiv:1706.02677, section 2.1). Those of vision transformers grow with the batch, as in all their recipes; below 256, which recipes for large
// data sets do not have, with its root (rbalestr-lab/stable-pretraining, benchmarks/imagenet10: 5e-4 at 128).
var (
	usualRates = map[string]usualRate{
		"adam":     {2e-3, 0, 0.5}, // htdt/self-supervised, README.md: SimCLR and BYOL on STL-10
		"adamw":    {2e-3, 0, 0.5},
		"sgd":      {0.05, 1e-4, 1}, // Chen and He 2021, arXiv:2011.10566, section 3
		"nesterov": {0.05, 1e-4, 1},
		"lars":     {0.3, 1e-6, 1}, // Chen et al. 2020, arXiv:2002.05709, section 2.2
		"larc":     {0.4, 1e-4, 1}, // vturrisi/solo-learn, scripts/pretrain/cifar/simclr.yaml
	}
	transformerRates = map[string]usualRate{
		"adam":  {5e-4, 0, 1}, // facebookresearch/dino, main_dino.py
		"adamw": {5e-4, 0.05, 1},
	}
)

// usual returns settings of an optimizer that suit most methods.
func usual(optimizer string, s Scale) Settings {
	r := usualRates[optimizer]
	if t, ok := transformerRates[optimizer]; ok && s.Transformer {
		if r = t; s.Batch < 256 {
			r.power = 0.5
		}
	}
	return Settings{Optimizer: optimizer, LR: r.rate * math.Pow(float64(s.Batch)/256, r.power), Decay: r.decay, Warmup: 0.1}
}

// preferred returns usual settings of the optimizer that a method's paper uses with residual networks. Vision transformers get AdamW, with which all of their
// recipes train.
func preferred(optimizer string, s Scale) Settings {
	if s.Transformer {
		optimizer = "adamw"
	}
	return usual(optimizer, s)
}

// short returns settings with the rate and the crops that most methods get in a short run (bench/RESULTS.md).
func (o Settings) short(s Scale) Settings {
	o.LR, o.Views = shortFactor(s)*o.LR, largerCrops
	return o
}

// shortFactor returns the multiple of the usual rate that most methods get in a short run (bench/DIARY.md, "Accuracy").
func shortFactor(s Scale) float64 {
	if s.Transformer {
		return 4
	}
	return 2
}

// largerCrops changes views to crops of at least 0.4 of the image: in short runs of ours, networks learned more from them than from smaller crops.
const largerCrops = "[all]\nrandom_resized_crop = { scale = [0.4, 1.0] }\n"
