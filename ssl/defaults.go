package ssl

// Scale is the size of a run, from which a method chooses its default settings.
type Scale struct {
	Images int // in the data set
	Size   int // side of a view, pixels
	Dim    int // width of the backbone's features
	Epochs int
	Batch  int // images per step
}

// Steps returns the number of optimizer steps.
func (s Scale) Steps() int { return s.Epochs * (s.Images / max(s.Batch, 1)) }

// Optimization is an optimizer with its settings. BaseLR is the peak learning rate for a batch of 256 images.
type Optimization struct {
	Optimizer string
	BaseLR    float64
	Decay     float64 // weight decay
	ClipEach  float64 // largest norm of each parameter's gradient; 0: any
}

// Tuned is a Method whose default settings depend on the scale of the run.
type Tuned interface {
	Method
	// Defaults sets the method's hyper-parameters for a run of this scale, and returns the optimization that suits the method.
	Defaults(s Scale) Optimization
}

// Defaults sets the hyper-parameters of a method for a run of this scale, and returns the optimization that suits the method. An optimizer, if not "",
// replaces the method's own; its settings are then the usual ones of that optimizer.
func Defaults(m Method, s Scale, optimizer string) Optimization {
	o := usual["adamw"]
	if t, ok := m.(Tuned); ok {
		o = t.Defaults(s)
	}
	if optimizer == "" || optimizer == o.Optimizer {
		return o
	}
	return usual[optimizer]
}

// usual holds settings that suit most methods, by optimizer.
var usual = map[string]Optimization{
	// htdt/self-supervised, README.md: SimCLR and BYOL on STL-10 with Adam.
	"adam":  {Optimizer: "adam", BaseLR: 2e-3},
	"adamw": {Optimizer: "adamw", BaseLR: 2e-3},
	// Chen and He 2021, arXiv:2011.10566, section 3.
	"sgd":      {Optimizer: "sgd", BaseLR: 0.05, Decay: 1e-4},
	"nesterov": {Optimizer: "nesterov", BaseLR: 0.05, Decay: 1e-4},
	// Chen et al. 2020, arXiv:2002.05709, section 2.2; larc: vturrisi/solo-learn, scripts/pretrain/cifar/simclr.yaml.
	"lars": {Optimizer: "lars", BaseLR: 0.3, Decay: 1e-6},
	"larc": {Optimizer: "larc", BaseLR: 0.4, Decay: 1e-4},
}
