package run

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/views"
)

// published has the numbers of a recipe's source.
type published struct {
	rate  float64
	scale func(batch int) float64 // by which the source multiplies the rate
	loss  float64                 // gradient of the source's loss, divided by that of marr's
	decay float64
}

// Rules for the learning rate at a batch of images.
var (
	per256 = func(batch int) float64 { return float64(batch) / 256 }
	per128 = func(batch int) float64 { return float64(batch) / 128 }
	root   = func(batch int) float64 { return math.Sqrt(float64(batch)) }
	fixed  = func(int) float64 { return 1 }
)

// Weights of losses. marr's follow from TestLossesMatchTheirFormulasInFloat64 of package ssl.
const (
	byol        = 2.0 // of each direction's cosine: Σ (2 − 2cos)
	simsiam     = 0.5 // ½ Σ −cos
	halfCosines = 0.5 // lightly's small benchmarks train BYOL with ½ Σ −cos
	ntxent      = 1.0 // the mean over all 2N rows
	bothMeans   = 2.0 // google-research/simclr adds the means of both views

	half           = 0.5 // solo-learn and lightly take the mean of MoCo's two directions
	bothDirections = 1.0 // Symmetric of MoCoV2: their sum
)

// sources has a row for each recipe: the rate, rule and decay of its source, from the files that the recipe cites. Rows without a decay decay nothing.
var sources = map[string]published{
	// vturrisi/solo-learn: lr · batch · devices / 256; BYOL sums 2 − 2cos, SimSiam halves the cosines, SimCLR and DINO take means.
	"cifar10-barlow-r18":      {0.3, per256, 0.1, 1e-4}, // scale_loss
	"cifar10-vicreg-r18":      {0.3, per256, 1, 1e-4},
	"cifar10-mocov2-r18":      {0.3, per256, half / bothDirections, 1e-4},
	"cifar10-mocov3-r18":      {0.3, per256, 1, 1e-6},
	"cifar10-nnclr-r18":       {0.4, per256, 1, 1e-5},
	"cifar10-swav-r18":        {0.6, per256, 1, 1e-6},
	"cifar10-byol-r18":        {1, per256, 2 / byol, 1e-5},
	"cifar10-dino-r18":        {0.3, per256, 1, 1e-6},
	"imagenet100-byol-r18":    {0.5, per256, 2 / byol, 1e-6},
	"imagenet100-dino-r18":    {0.3, per256, 1, 1e-6},
	"imagenet100-simclr-r18":  {0.3, per256, 1 / ntxent, 1e-4},
	"imagenet100-simsiam-r18": {0.5, per256, 0.5 / simsiam, 1e-5},
	// lightly-ai/lightly, cifar10_benchmark.py: lr_factor = batch / 128
	"cifar10-byol-r18-200ep":   {0.06, per128, halfCosines / byol, 5e-4},
	"cifar10-simclr-r18-200ep": {0.06, per128, 1 / ntxent, 5e-4},
	"cifar10-mocov2-r18-200ep": {0.06, per128, half / bothDirections, 5e-4},
	// lightly-ai/lightly, imagenette_benchmark.py: lr_factor = batch / 256, none for SimSiam
	"imagenette-byol-r18":    {0.06, per256, halfCosines / byol, 5e-4},
	"imagenette-dino-r18":    {0.06, per256, 1, 5e-4},
	"imagenette-simclr-r18":  {0.06, per256, 1 / ntxent, 5e-4},
	"imagenette-simsiam-r18": {0.06, fixed, 0.5 / simsiam, 5e-4},
	"imagenette-barlow-r18":  {0.06, per256, 1, 5e-4},
	"imagenette-mocov2-r18":  {0.06, per256, half / bothDirections, 5e-4},
	"imagenette-nnclr-r18":   {0.06, per256, 1, 5e-4},
	"imagenette-swav-r18":    {1e-3, per256, 1, 1e-6},
	"imagenette-vicreg-r18":  {0.3, per256, 1, 1e-4},
	// rbalestr-lab/stable-pretraining, benchmarks/imagenet10
	"imagenette-dino-vits16":   {5e-4, fixed, 1, 0.05},
	"imagenette-mocov3-vits16": {1.5e-4, per256, 1, 0.1},
	// facebookresearch/dino, main_dino.py; facebookresearch/moco-v3, CONFIG.md
	"imagenet-dino-vits16":   {5e-4, per256, 1, 0.04},
	"imagenet-mocov3-vits16": {1.5e-4, per256, 1, 0.1},
	// lightly-ai/lightly, benchmarks/imagenet/resnet50
	"imagenet-byol-r50":   {0.45, per256, 2 / byol, 1e-6},
	"imagenet-dino-r50":   {0.03, per256, 1, 1e-4},
	"imagenet-simclr-r50": {0.075, root, 1 / ntxent, 1e-6},
	// google-research/simclr, README.md and objective.py
	"cifar10-simclr-r18": {1, per256, bothMeans / ntxent, 1e-6},
	"cifar10-simclr-r50": {1, per256, bothMeans / ntxent, 1e-6},
	// facebookresearch/simsiam; appendix D
	"imagenet-simsiam-r50": {0.05, per256, 0.5 / simsiam, 1e-4},
	"cifar10-simsiam-r18":  {0.03, per256, 0.5 / simsiam, 5e-4},
	// htdt/self-supervised: the mean of both views, and the sum of 2 − 2cos
	"stl10-simclr-r18": {2e-3, fixed, 1 / ntxent, 1e-6},
	"stl10-byol-r18":   {2e-3, fixed, 2 / byol, 1e-6},
	// Spijkervet/SimCLR
	"stl10-simclr-r18-100ep": {3e-4, fixed, 1 / ntxent, 0},
	// pretext tasks: the mean cross entropy of 512 rotated images in both sources; of 256 images of tiles
	"cifar10-rotation-r18":  {0.1, fixed, 1, 5e-4},
	"imagenet-rotation-r50": {0.2, fixed, 1, 1e-4},
	"imagenet-jigsaw-r50":   {0.1, per256, 1, 1e-4},
	// rbalestr-lab/lejepa, MINIMAL.md; rbalestr-lab/stable-pretraining, visreg-vit-small.py
	"imagenette-lejepa-vits8":  {2e-3, fixed, 1, 5e-2},
	"imagenette-visreg-vits16": {1e-3, fixed, 1, 5e-2},
	// masked autoencoders: the mean squared error of all sources
	"cifar10-mae-vits4":     {2e-4, per256, 1, 0.05},
	"imagenette-mae-vits16": {5e-4, fixed, 1, 0.05},
	// this project's own
	"fashion-placed-barlow-r10":   {2e-3, per256, 1, 0},
	"fashion-placed-byol-r10":     {2e-3, per256, 1, 0},
	"fashion-placed-dino-r10":     {5e-3, per256, 1, 0},
	"fashion-placed-jigsaw-r10":   {2e-3, per256, 1, 0},
	"fashion-placed-lejepa-r10":   {4e-3, per256, 1, 0},
	"fashion-placed-mocov2-r10":   {4e-3, per256, 1, 0},
	"fashion-placed-mocov3-r10":   {4e-3, per256, 1, 0},
	"fashion-placed-nnclr-r10":    {4e-3, per256, 1, 0},
	"fashion-placed-order-r10":    {2e-3, per256, 1, 0},
	"fashion-placed-rotation-r10": {2e-3, per256, 1, 0},
	"fashion-placed-simclr-r10":   {4e-3, per256, 1, 0},
	"fashion-placed-swav-r10":     {4e-3, per256, 1, 0},
	"fashion-placed-vicreg-r10":   {2e-3, per256, 1, 0},
	"fashion-placed-visreg-r10":   {4e-3, per256, 1, 0},
	"fashion-placed-simsiam-r10":  {0.5, per256, 1, 5e-4},
}

// ends has the learning rate and the weight decay at the end of the training, where a source states them. Others end with a rate of 0 and the same decay.
var ends = map[string]struct{ rate, decay float64 }{
	"imagenet-dino-vits16":     {1e-6, 0.4},
	"imagenette-dino-vits16":   {1e-6, 0.05},
	"imagenette-lejepa-vits8":  {1e-3, 0.05},
	"imagenette-visreg-vits16": {1e-6, 0.05},
}

// settings returns the learning rate and the weight decay with which marr's loss gives the updates of the source's. A gradient that is k times as large needs
// a rate of 1/k with SGD; LARS and Adam do not depend on its length. A decay that is added to the gradient grows with k, that of AdamW does not.
func (p published) settings(optimizer string, batch int) (rate, decay float64) {
	rate, decay = p.rate*p.scale(batch), p.decay
	switch optimizer {
	case "sgd", "nesterov":
		return rate * p.loss, decay / p.loss
	case "lars", "larc", "adam":
		return rate, decay / p.loss
	}
	return rate, decay
}

func TestRecipesTrainWithTheRatesOfTheirSources(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }
	for _, name := range Recipes() {
		source, ok := sources[name]
		if !ok {
			t.Errorf("%s: no row with the numbers of its source", name)
			continue
		}
		r := open(t, name)
		for _, times := range []int{1, 2} {
			c := DefaultConfig()
			r.Apply(&c, never)
			c.Batch *= times
			c.Resolve(datatest.Noise(4, 16, 3))
			rate, decay := source.settings(c.Optimizer, c.Batch)
			if times > 1 && name == "imagenet-simclr-r50" {
				rate = c.LR // no recipe can grow with the root of the batch
			}
			end, ok := ends[name]
			if !ok {
				end.decay = c.Decay
			}
			if !near(c.LR, rate) || !near(c.Decay, decay) || c.LREnd != end.rate || c.DecayEnd != end.decay {
				t.Errorf("%s at a batch of %d: rate %g to %g, decay %g to %g; the source's come to %g to %g and %g to %g", name, c.Batch, c.LR, c.LREnd, c.Decay, c.DecayEnd, rate, end.rate, decay, end.decay)
			}
		}
	}
	for name := range sources {
		if !slices.Contains(Recipes(), name) {
			t.Errorf("%s is no recipe", name)
		}
	}
}

// The updates from a loss and from one k times as large are the same if rate and decay are converted, and not if the rate alone is.
func TestConvertedRateAndDecayGiveTheUpdatesOfTheSource(t *testing.T) {
	const k, trust = 0.25, 0.001
	train := func(optimizer string, scale, rate, decay float64) *ref.Tensor {
		p, v, second := ref.New(3), ref.New(3), ref.New(3)
		copy(p.Data, []float64{1, -2, 0.5})
		for step := range 5 {
			g := ref.New(3)
			for i, x := range p.Data {
				g.Data[i] = scale * (math.Sin(float64(3*step+i)) + x)
			}
			o := ref.SGDParams{LR: rate, Momentum: 0.9, Decay: decay, Nesterov: optimizer == "nesterov"}
			switch optimizer {
			case "lars":
				p, v = ref.LARS(p, g, v, trust, o)
			case "larc":
				p, v = ref.LARC(p, g, v, trust, o)
			case "adam", "adamw":
				p, v, second = ref.AdamW(p, g, v, second, step+1, ref.AdamWParams{LR: rate, Beta1: 0.9, Beta2: 0.999, Decay: decay, Coupled: optimizer == "adam"})
			default:
				p, v = ref.SGD(p, g, v, o)
			}
		}
		return p
	}
	distance := func(a, b *ref.Tensor) (most float64) {
		for i := range a.Data {
			most = math.Max(most, math.Abs(a.Data[i]-b.Data[i]))
		}
		return most
	}
	for _, optimizer := range net.Optimizers() {
		source := published{rate: 0.1, scale: fixed, loss: k, decay: 0.05}
		rate, decay := source.settings(optimizer, 1)
		want := train(optimizer, k, source.rate, source.decay)
		if d := distance(train(optimizer, 1, rate, decay), want); d > 1e-9 { // LARC adds 1e-8 to a norm
			t.Errorf("%s: %g from the source's weights", optimizer, d)
		}
		if d := distance(train(optimizer, 1, rate, source.decay), want); optimizer != "adamw" && d < 1e-6 {
			t.Errorf("%s: with the source's decay only %g from its weights", optimizer, d)
		}
	}
}

func open(t *testing.T, name string) *Recipe {
	t.Helper()
	r, err := OpenRecipe(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Views of the sources, as describe writes them.
const (
	solo32    = "2 × 32 px, crop 0.08–1 bicubic, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0/0, solarize 0/0.2"
	solo224   = "2 × 224 px, crop 0.08–1 bicubic, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 1/0.1, solarize 0/0.2"
	lightly32 = "2 × 32 px, crop 0.08–1 bilinear, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.2, blur 0/0, solarize 0/0"
	lightly   = "2 × 128 px, crop 0.08–1 bilinear, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.2, blur 0.5/0.5, solarize 0/0"
	google32  = "2 × 32 px, crop 0.08–1 bicubic, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.2, blur 0/0, solarize 0/0"
	strong224 = "2 × 224 px, crop 0.08–1 bicubic, jitter 0.8 0.8/0.8/0.8/0.2, gray 0.2, blur 0.5/0.5, solarize 0/0"
	stl64     = "2 × 64 px, crop 0.2–1 bicubic, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.1, blur 0/0, solarize 0/0"
	dino224   = "2 × 224 px, crop 0.4–1 bicubic, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 1/0.1, solarize 0/0.2; "
	dino96    = " × 96 px, crop 0.05–0.4 bicubic, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0.5/0.5, solarize 0/0"
)

func TestRecipesHaveTheViewsOfTheirSources(t *testing.T) {
	for name, want := range map[string]string{
		"cifar10-barlow-r18": solo32, "cifar10-mocov3-r18": solo32, "cifar10-nnclr-r18": solo32, "cifar10-mocov2-r18-200ep": lightly32,
		"cifar10-mocov2-r18": strings.NewReplacer("bilinear", "bicubic", "blur 0/0", "blur 0.5/0.5").Replace(lightly32), "cifar10-swav-r18": strings.Replace(strong224, "224", "32", 1),
		"imagenette-barlow-r18": lightly, "imagenette-mocov2-r18": lightly, "imagenette-nnclr-r18": lightly,
		"imagenette-vicreg-r18": "2 × 128 px, crop 0.08–1 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0.5/0.5, solarize 0.1/0.1",
		"imagenette-swav-r18": "2 × 128 px, crop 0.14–1 bilinear, jitter 0.8 0.8/0.8/0.8/0.2, gray 0.2, blur 0.5/0.5, solarize 0/0; " +
			"6 × 64 px, crop 0.05–0.14 bilinear, jitter 0.8 0.8/0.8/0.8/0.2, gray 0.2, blur 0.5/0.5, solarize 0/0",
		"imagenette-dino-vits16": dino224 + "6" + dino96, "imagenet-dino-vits16": dino224 + "8" + dino96,
		"imagenette-mocov3-vits16": strings.Replace(solo224, "bicubic", "bilinear", 1), "imagenet-mocov3-vits16": strings.Replace(solo224, "bicubic", "bilinear", 1),
		"cifar10-vicreg-r18": "2 × 32 px, crop 0.2–1 bicubic, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0/0, solarize 0.1/0.1",
		"cifar10-byol-r18":   solo32, "cifar10-dino-r18": solo32, "imagenet100-byol-r18": solo224, "imagenet100-dino-r18": solo224,
		"imagenet100-simsiam-r18": solo224, "imagenet100-simclr-r18": strong224,
		"cifar10-byol-r18-200ep": lightly32, "cifar10-simclr-r18-200ep": lightly32, "cifar10-simclr-r18": google32, "cifar10-simclr-r50": google32,
		"imagenette-simclr-r18": lightly, "imagenette-byol-r18": lightly, "stl10-simclr-r18": stl64, "stl10-byol-r18": stl64,
		"imagenette-simsiam-r18": "2 × 128 px, crop 0.2–1 bilinear, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.2, blur 0.5/0.5, solarize 0/0",
		"imagenet-simsiam-r50":   "2 × 224 px, crop 0.2–1 bilinear, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.2, blur 0.5/0.5, solarize 0/0",
		"cifar10-simsiam-r18":    "2 × 32 px, crop 0.2–1 bilinear, jitter 0.8 0.4/0.4/0.4/0.1, gray 0.2, blur 0/0, solarize 0/0",
		"stl10-simclr-r18-100ep": "2 × 96 px, crop 0.08–1 bilinear, jitter 0.8 0.8/0.8/0.8/0.2, gray 0.2, blur 0/0, solarize 0/0",
		"imagenette-dino-r18": "2 × 128 px, crop 0.4–1 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 1/0.1, solarize 0/0.2; " +
			"6 × 64 px, crop 0.05–0.4 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0.5/0.5, solarize 0/0",
		"imagenette-lejepa-vits8": "2 × 128 px, crop 0.08–1 bilinear, jitter 0.8 0.8/0.8/0.8/0.2, gray 0.2, blur 0.5/0.5, solarize 0.2/0.2; " +
			"2 × 128 px, crop 0.08–1 bilinear, jitter 0.8 0.8/0.8/0.8/0.2, gray 0.2, blur 0.5/0.5, solarize 0.2/0.2",
		"imagenette-visreg-vits16": "2 × 224 px, crop 0.3–1 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0.5/0.5, solarize 0.2/0.2; " +
			"6 × 96 px, crop 0.05–0.3 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0.5/0.5, solarize 0.2/0.2",
		"imagenet-byol-r50":   strings.Replace(solo224, "bicubic", "bilinear", 1),
		"imagenet-simclr-r50": strings.Replace(strong224, "bicubic", "bilinear", 1),
		"imagenet-dino-r50": "2 × 224 px, crop 0.14–1 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 1/0.1, solarize 0/0.2; " +
			"6 × 96 px, crop 0.05–0.14 bilinear, jitter 0.8 0.4/0.4/0.2/0.1, gray 0.2, blur 0.5/0.5, solarize 0/0",
	} {
		r := open(t, name)
		c := DefaultConfig()
		r.Apply(&c, never)
		m, err := ssl.New(c.Method)
		if err == nil {
			err = c.SetViews(r.Views, m, datatest.Noise(4, 16, 3))
		}
		if err != nil {
			t.Fatal(err)
		}
		specs, err := views.Decode(c.Views, views.Input{Size: c.Size, Channels: 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := describe(specs[:2])
		if len(specs) > 2 {
			got += "; " + describe(specs[2:])
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// describe describes views that differ in blur and solarize alone, whose probabilities in the first and the second view it names.
func describe(specs []views.Spec) string {
	one := func(s views.Spec) string {
		crop, jitter := s.RandomResizedCrop, s.ColorJitter
		return fmt.Sprintf("%d px, crop %g–%g %s, jitter %g %g/%g/%g/%g, gray %g", s.Size, crop.Scale[0], crop.Scale[1], crop.Interpolation,
			jitter.P, jitter.Brightness, jitter.Contrast, jitter.Saturation, jitter.Hue, s.Grayscale)
	}
	var blur, solarize [2]float64
	for v, s := range specs {
		if one(s) != one(specs[0]) {
			return fmt.Sprintf("%s, but view %d: %s", one(specs[0]), v, one(s))
		}
		if v < 2 && s.GaussianBlur != nil {
			blur[v] = s.GaussianBlur.P
		}
		if v < 2 && s.Solarize != nil {
			solarize[v] = s.Solarize.P
		}
	}
	return fmt.Sprintf("%d × %s, blur %g/%g, solarize %g/%g", len(specs), one(specs[0]), blur[0], blur[1], solarize[0], solarize[1])
}

// A target is measured after as many epochs as the recipe has, by a protocol that can be repeated, and cites a paper or a file of a repository.
func TestTargetsStateHowTheyWereMeasured(t *testing.T) {
	cited := regexp.MustCompile(`^(arXiv:\d{4}\.\d{5}|[\w-]+/[\w-]+), \S`)
	for _, name := range Recipes() {
		r := open(t, name)
		if without := strings.HasPrefix(name, "fashion") || name == "cifar10-rotation-r18" || name == "cifar10-mae-vits4"; (len(r.Targets) == 0) != without {
			t.Errorf("%s has %d targets", name, len(r.Targets))
		}
		c := DefaultConfig()
		r.Apply(&c, never)
		for _, x := range r.Targets {
			if !(x.Accuracy > 10 && x.Accuracy < 100) || !slices.Contains(Protocols, x.Protocol) || (x.K > 0) != (x.Protocol == "knn") || x.Epochs != c.Epochs ||
				!cited.MatchString(x.Source) {
				t.Errorf("%s, of %d epochs: target %+v", name, c.Epochs, x)
			}
		}
	}
}

// A default that changes must not change what a recipe trains.
func TestRecipesStateAllSettingsThatDecideTheirResult(t *testing.T) {
	for _, name := range Recipes() {
		r := open(t, name)
		stated := func(keys ...string) bool {
			return slices.ContainsFunc(keys, func(key string) bool { _, ok := r.settings[key]; return ok })
		}
		for _, keys := range [][]string{{"arch"}, {"epochs"}, {"batch"}, {"optimizer"}, {"lr", "base_lr"}, {"weight_decay"}, {"warmup"}, {"schedule"}} {
			if !stated(keys...) {
				t.Errorf("%s does not state %s", name, strings.Join(keys, " or "))
			}
		}
		method := r.settings["method"].(string)
		if method == "dino" && !stated("clip", "clip_each") {
			t.Errorf("%s does not state clip or clip_each", name)
		}
		m, err := ssl.New(method)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range registry.Options(m) {
			if _, ok := r.Options[o.Name]; !ok {
				t.Errorf("%s does not state %s", name, o.Name)
			}
		}
	}
}

func TestTargetsAreOneLineEach(t *testing.T) {
	for want, x := range map[string]Target{
		"86.8 %, kNN (k = 200, T = 0.1) after 200 epochs, best epoch (a/b, c.py)": {Accuracy: 86.8, Protocol: "knn", K: 200, Temperature: 0.1, Epochs: 200, BestEpoch: true, Source: "a/b, c.py"},
		"88.64 %, kNN (k = 5, equal votes) after 2000 epochs (s)":                 {Accuracy: 88.64, Protocol: "knn", K: 5, Epochs: 2000, Source: "s"},
		"91 %, linear probe of 100 epochs after 1000 epochs (s)":                  {Accuracy: 91, Protocol: "linear", ProbeEpochs: 100, Epochs: 1000, Source: "s"},
		"91.8 %, linear probe after 800 epochs (s)":                               {Accuracy: 91.8, Protocol: "linear", Epochs: 800, Source: "s"},
		"70.46 % on CIFAR-100, linear probe trained along for 1000 epochs (s)":    {Accuracy: 70.46, Protocol: "online-linear", Epochs: 1000, Data: "CIFAR-100", Source: "s"},
	} {
		if got := x.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
