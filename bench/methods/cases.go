package methods

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
)

// Images is the data set of Cases: numImages gray images of 32 px. Its test part is Images + ":test".
const Images = "builtin:fashion-placed"

const numImages = 10_000

// Case is the configuration of one training run.
type Case struct {
	Name    string
	Group   string // shared by the cases of one recipe with several seeds
	Config  run.Config
	Views   string         // TOML that changes the method's views; "": no change
	Options map[string]any // hyper-parameters that differ from the method's defaults
}

// DefaultEpochs is the length of the runs with a method's defaults.
const DefaultEpochs = 4

const recipePrefix = "fashion-placed-" // of the recipes for Images

// seeds is the number of runs of a method with its defaults (1 for the others). Methods that other comparisons refer to have three runs,
// also by their recipes. Runs of SimSiam have a standard deviation of 4 to 5 points in both frameworks; eight bring the standard error of
// their mean below 2.
var seeds = map[string]int{"simclr": 3, "byol": 3, "dino": 3, "simsiam": 8}

// globalViews gives DINO two global views and no local ones, as in the first PyTorch measurements.
const globalViews = "from = \"moco-v3\"\n[all]\nrandom_resized_crop = { interpolation = \"bicubic\" }\n"

// twoViews gives LeJEPA two global views and no local ones, which takes half the time.
const twoViews = "from = \"simclr\"\n"

// transformers lists the methods that train a vision transformer, too or only.
var transformers = []string{"dino", "mocov3", "lejepa", "mae"}

// demoMethods returns the methods that train the network of marr demo from images alone, without the features of another network.
func demoMethods() []string {
	return slices.DeleteFunc(ssl.Methods(), func(name string) bool {
		m, _ := ssl.New(name) // it is registered
		_, chooses := m.(ssl.NetworkChooser)
		_, learns := m.(*ssl.Distill)
		return chooses || learns
	})
}

// Cases returns all cases for Images: every method that trains the network of marr demo with its registered settings for DefaultEpochs, the recipes,
// transformers, some of these with mixed precision, and CollapseCases and RankingCases.
func Cases() (cases []Case, err error) {
	for _, name := range demoMethods() {
		for seed := range max(1, seeds[name]) {
			cases = append(cases, plainCase(name, uint64(seed)))
		}
	}
	for _, name := range run.Recipes() {
		if !strings.HasPrefix(name, recipePrefix) {
			continue
		}
		r, err := run.OpenRecipe(name)
		if err != nil {
			return nil, err
		}
		config := demoConfig(0)
		r.Apply(&config, func(string) bool { return false })
		for seed := range min(3, max(1, seeds[config.Method])) {
			config.Seed = uint64(seed)
			cases = append(cases, Case{Name: fmt.Sprintf("%s-%d", name, seed), Group: name, Config: config, Views: r.Views, Options: r.Options})
		}
	}
	for _, method := range transformers {
		c := transformerCase(method)
		if err := c.recommend(numImages); err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	mixed, err := mixedCases()
	return slices.Concat(cases, mixed, CollapseCases(), RankingCases()), err
}

// plainCase returns a run of a method with its registered settings.
func plainCase(method string, seed uint64) Case {
	c := Case{Name: fmt.Sprintf("%s-%d", method, seed), Group: method, Config: demoConfig(seed)}
	c.Config.Method = method
	if method == "dino" {
		c.Views, c.Config.ClipEach = globalViews, 3
	}
	return c
}

// mixedCases returns runs that are among the others in fp32, with mixed precision.
func mixedCases() ([]Case, error) {
	vit := transformerCase("dino")
	err := vit.recommend(numImages)
	cases := []Case{plainCase("simclr", 0), plainCase("simclr", 1), plainCase("simclr", 2), plainCase("vicreg", 0), plainCase("dino", 0), vit}
	for i := range cases {
		c := &cases[i]
		c.Name, c.Group, c.Config.Precision = "mixed-"+c.Name, c.Group+", mixed precision", "mixed"
	}
	return cases, err
}

// RecommendedCases returns a case for each method on the network of marr demo, and for each of transformers on a vision transformer, with the settings that
// marr pretrain chooses: for a data set, by the name with which it was opened, in views of size × size pixels.
func RecommendedCases(name string, set *data.Set, size, epochs int) (cases []Case, err error) {
	for _, method := range demoMethods() {
		c := Case{Name: method + "-0", Group: method, Config: demoConfig(0)}
		c.Config.Method = method
		cases = append(cases, c)
	}
	for _, method := range transformers {
		cases = append(cases, transformerCase(method))
	}
	for i := range cases {
		c := &cases[i]
		c.Config.Data, c.Config.Size, c.Config.Epochs = name, size, epochs
		if err := c.recommend(set.Len()); err != nil {
			return nil, err
		}
	}
	return cases, nil
}

// recommend sets the settings that marr pretrain chooses for this many images.
func (c *Case) recommend(images int) error {
	network, err := run.ChooseNetwork(c.Config, func(key string) bool { return key == "arch" })
	if err != nil {
		return err
	}
	free := func(string) bool { return false }
	network.Apply(&c.Config, free)
	choice, err := run.MethodDefaults(c.Config, images, free)
	if err != nil {
		return err
	}
	choice.Apply(&c.Config, free)
	c.Views, c.Options = choice.Views, choice.Options
	return nil
}

// transformerCase returns a run of a method on a vision transformer.
func transformerCase(method string) Case {
	c := Case{Name: "vit-" + method + "-0", Group: method + ", vit-tiny", Config: transformerConfig(0)}
	c.Config.Method = method
	return c
}

// CollapseCases returns variants of BYOL. Each lacks or replaces one part that is said to prevent collapse (bench/COLLAPSE.md).
func CollapseCases() (cases []Case) {
	const fast = 0.9 // short runs need a target that follows quickly
	for _, x := range []struct {
		name, norm, heads string
		momentum          float64
		noPredictor       bool
	}{
		{"batch norm", "batch", "batch", fast, false},
		{"no batch norm", "none", "none", fast, false},
		{"no batch norm in the heads", "batch", "none", fast, false},
		{"batch norm in the heads alone", "none", "batch", fast, false},
		{"the batch's mean subtracted", "mean", "mean", fast, false},
		{"a moving average of the mean subtracted", "moving-mean", "moving-mean", fast, false},
		{"group norm", "group", "group", fast, false},
		{"layer norm", "layer", "layer", fast, false},
		{"no predictor", "batch", "batch", fast, true},
		{"no momentum encoder", "batch", "batch", 0, false},
	} {
		c := Case{Name: "collapse-" + strings.ReplaceAll(strings.ReplaceAll(x.name, "'", ""), " ", "-"), Group: "BYOL, " + x.name, Config: demoConfig(0)}
		c.Options = map[string]any{"momentum": x.momentum, "no-predictor": x.noPredictor}
		c.Config.Method, c.Config.Norm, c.Config.HeadNorm = "byol", x.norm, x.heads
		cases = append(cases, c)
	}
	return cases
}

// demoConfig returns the configuration of marr demo with this seed.
func demoConfig(seed uint64) run.Config {
	c := run.DefaultConfig()
	c.Data, c.Arch, c.Backbone, c.Epochs, c.Seed = Images, "resnet10", map[string]any{"width": 16}, DefaultEpochs, seed
	return c
}

// transformerConfig returns the configuration of marr demo with a vision transformer that takes about as much time.
func transformerConfig(seed uint64) run.Config {
	c := demoConfig(seed)
	c.Arch, c.Backbone = "vit-tiny", map[string]any{"patch": 4, "embed-dim": 48, "depth": 2}
	return c
}

// method returns the case's method and records its hyper-parameters in the configuration.
func (c *Case) method() (ssl.Method, error) {
	m, err := ssl.New(c.Config.Method)
	if err != nil {
		return nil, err
	}
	for _, o := range registry.Options(m) {
		if v, ok := c.Options[o.Name]; ok {
			if err := o.Set(fmt.Sprint(v)); err != nil {
				return nil, err
			}
		}
	}
	c.Config.Options = registry.Values(m)
	return m, nil
}
