package run

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
)

// Choice is a recipe of automatic settings, with the reason for each, by key.
type Choice struct {
	Recipe
	Why map[string]string

	given func(key string) bool
}

func newChoice(given func(key string) bool) *Choice {
	return &Choice{Recipe{settings: map[string]any{}, Backbone: map[string]any{}, Options: map[string]any{}}, map[string]string{}, given}
}

func (x *Choice) set(key string, v any, why string) {
	if !x.given(key) {
		x.settings[key], x.Why[key] = v, why
	}
}

// Input is a network and the size of its views, pixels.
type Input struct {
	Arch        string
	Width, Size int // Width 0: the architecture's own
}

// inputs are what ChooseInput chooses among, by cost. The first is for CPUs with few cores.
var inputs = []Input{{"resnet10", 16, 64}, {"resnet10", 32, 64}, {"resnet18", 32, 96}, {"resnet18", 64, 96}, {"resnet18", 64, 128}, {"resnet18", 64, 224}}

// MinInput is the smallest size of views that is chosen, in pixels: smaller images are enlarged.
const MinInput = 16

const (
	minShown  = 200_000 // images that a run should show, and
	minEpochs = 50      // times that it should show each: with less, a smaller network or smaller views learn more
)

// ChooseInput returns the architecture, its width and the size of the views: the largest that a device trains for long enough in the given time. Views
// are not larger than the short side of the images, in pixels. speed returns the images per second that the device trains with SimCLR. Settings that the
// user gave in c, by key, stay.
func ChooseInput(c Config, images, shortSide int, limit time.Duration, given func(key string) bool, speed func(Input) (float64, error)) (*Choice, error) {
	need := max(minShown, minEpochs*float64(images))
	if given("epochs") { // a few do not make a larger network learn more
		need = max(need, float64(c.Epochs*images))
	}
	var best, last Input
	for i, in := range inputs {
		if given("arch") {
			in.Arch, in.Width = c.Arch, 0
		}
		if w, ok := c.Backbone["width"].(int); ok && given("width") {
			in.Width = w
		}
		if in.Size = max(min(in.Size, shortSide), MinInput); given("size") {
			in.Size = c.Size
		}
		if in == last {
			continue
		}
		last = in
		rate, err := speed(in)
		var mem *kernels.MemoryError
		if i > 0 && (errors.As(err, &mem) || rate*limit.Seconds() < need) {
			break
		}
		if err != nil {
			return nil, err
		}
		if best = in; rate*limit.Seconds() < need {
			break
		}
	}
	return best.choice(shortSide, limit, given), nil
}

func (in Input) choice(shortSide int, limit time.Duration, given func(key string) bool) *Choice {
	x := newChoice(given)
	why := fmt.Sprintf("the largest that this device trains well in %s", formatLimit(limit))
	x.set("arch", in.Arch, why)
	if in.Width > 0 && !given("width") && !given("arch") {
		x.Backbone["width"] = int64(in.Width)
	}
	if why += fmt.Sprintf("; the images have %d", shortSide); in.Size >= shortSide {
		why = "the size of the images"
	}
	x.set("size", int64(in.Size), why)
	return x
}

// ChooseMethod returns a method for a run that shows this many images, in views of c.Size pixels.
//
//	short runs    SimCLR: the most accurate of ours (bench/RESULTS.md)
//	transformers  DINO: the most accurate in long runs (Caron et al. 2021, arXiv:2104.14294, table 2)
//	up to 64 px   BYOL: the most accurate at that size without large batches or many views, ahead of DINO (vturrisi/solo-learn, README.md)
//	above         DINO with local views: the most accurate in 200 epochs (lightly-ai/lightly, imagenette_benchmark.py)
func ChooseMethod(c Config, shown float64, given func(key string) bool) *Choice {
	x := newChoice(given)
	network, err := c.Network(3)
	switch {
	case shown < ssl.ShortRun:
		x.set("method", "simclr", "the most accurate in runs that show fewer than 2 million images")
	case err == nil && network.IsTransformer():
		x.set("method", "dino", "the most accurate in long runs of vision transformers")
	case c.Size <= 64:
		x.set("method", "byol", "the most accurate in long runs on views of up to 64 px")
	default:
		x.set("method", "dino", "the most accurate in long runs on views above 64 px")
	}
	return x
}

// ChooseBatch returns the number of images per step: 256, or for few images about a 32nd of them, so that an epoch has enough steps.
func ChooseBatch(images int, given func(key string) bool) *Choice {
	x := newChoice(given)
	batch := 256
	for batch > 32 && batch > images/32 || batch > 2 && batch > images/4 {
		batch /= 2
	}
	why := "large enough for every method"
	if batch < 256 {
		why = fmt.Sprintf("at least 32 steps per epoch of %d images", images)
	}
	if images < 32*batch {
		why = fmt.Sprintf("few enough for %d images", images)
	}
	x.set("batch", int64(batch), why)
	return x
}

// FitBatch returns a batch that was reduced to fit into the device's memory.
func FitBatch(batch int, given func(key string) bool) *Choice {
	x := newChoice(given)
	x.set("batch", int64(batch), "what fits into the device's memory")
	return x
}

// ChooseEpochs returns the number of passes over the images that end within the limit. Unless all of the limit is to be filled, they are at most as many
// as show 20 million images, between 100 and 2000.
func ChooseEpochs(images int, epoch, limit time.Duration, fill bool, given func(key string) bool) *Choice {
	x := newChoice(given)
	wanted := 100 * int(math.Round(min(max(20e6/float64(max(images, 1)), 100), 2000)/100))
	fit := int(limit / max(epoch, 1))
	why := fmt.Sprintf("what ends within %s", formatLimit(limit))
	switch {
	case fit < 1:
		fit, why = 1, fmt.Sprintf("the least: one takes longer than %s", formatLimit(limit))
	case !fill && fit >= wanted:
		fit, why = wanted, fmt.Sprintf("for %d images, longer runs gain little", images)
	}
	x.set("epochs", int64(fit), why)
	return x
}

// ChooseNetwork returns the architecture of a method that works with some only, and the settings of it that the method recommends; for other methods nothing.
func ChooseNetwork(c Config, given func(key string) bool) (*Choice, error) {
	x := newChoice(given)
	m, err := ssl.New(c.Method)
	if err != nil {
		return nil, err
	}
	n, ok := m.(ssl.NetworkChooser)
	if !ok {
		return x, nil
	}
	arch, settings := n.Network()
	x.set("arch", arch, "the kind that "+c.Method+" works with")
	for name, v := range settings {
		if !given(name) {
			x.Backbone[name] = v
		}
	}
	return x, nil
}

// MethodDefaults returns the settings that the method of c recommends for its epochs, batch and architecture, and for a number of images (ssl.Defaults).
func MethodDefaults(c Config, images int, given func(key string) bool) (*Choice, error) {
	x := newChoice(given)
	m, err := ssl.New(c.Method)
	if err != nil {
		return nil, err
	}
	network, err := c.Network(3)
	if err != nil {
		return nil, err
	}
	network.Arch.Resolve(c.Size) // the width may be open
	optimizer := ""
	if given("optimizer") {
		optimizer = c.Optimizer
	}
	o := ssl.Defaults(m, ssl.Scale{Images: images, Size: c.Size, Dim: network.Arch.Dim(), Epochs: c.Epochs, Batch: c.Batch, Transformer: network.IsTransformer()},
		optimizer)
	why := "usual with this method"
	if network.IsTransformer() {
		why = "usual with this method and a vision transformer"
	}
	x.set("optimizer", o.Optimizer, why)
	if !given("base_lr") {
		x.set("lr", o.LR, why)
	}
	x.set("weight_decay", o.Decay, why)
	if given("weight_decay") || o.DecayEnd == 0 {
		o.DecayEnd = -1 // as weight_decay
	}
	x.set("weight_decay_end", o.DecayEnd, why)
	x.set("beta2", cmp.Or(o.Beta2, net.DefaultBeta2), why)
	x.set("warmup", o.Warmup, why)
	x.set("clip_each", o.ClipEach, why)
	if err := x.setTraining(c.Arch, o.Backbone); err != nil {
		return nil, err
	}
	x.Views = o.Views
	if _, ok := m.(ssl.Tuned); ok {
		x.Options = registry.Values(m)
	}
	return x, nil
}

// setTraining sets the settings that an architecture has for its training, to the given values or else to their defaults.
func (x *Choice) setTraining(arch string, values map[string]any) error {
	a, err := net.NewArchitecture(arch)
	if err != nil {
		return err
	}
	for _, o := range registry.Options(a) {
		if v, ok := values[o.Name]; o.OfTraining && ok {
			x.Backbone[o.Name] = v
		} else if o.OfTraining {
			x.Backbone[o.Name] = o.Get()
		}
	}
	return nil
}

// formatLimit formats a time limit: 40 s, 25 min, 3 h 10 min, 12 h.
func formatLimit(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	d = d.Round(time.Minute)
	if h, m := int(d.Hours()), int(d.Minutes())%60; m > 0 {
		return fmt.Sprintf("%d h %d min", h, m)
	} else {
		return fmt.Sprintf("%d h", h)
	}
}
