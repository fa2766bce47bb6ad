package bench

import (
	"fmt"
	"strings"

	"marr/ssl"
)

// MethodCase is one training of MeasureMethods.
type MethodCase struct {
	Name   string
	Group  string // of the same recipe with other seeds
	Config ssl.Config
	Views  string         // in TOML, laid over the method's own; "": as they are
	Set    map[string]any // hyper-parameters that are not the method's defaults
}

const (
	plainEpochs = 4
	recipesFor  = "fashion-placed-" // the images
)

// seeds is how often a method is trained plainly: those that the rest of a comparison hangs on three times, as by their recipes, and SimSiam, whose runs
// differ by 4 to 5 points in either framework, until the mean is known to 2.
var seeds = map[string]int{"simclr": 3, "byol": 3, "dino": 3, "simsiam": 8}

// twoGlobal are DINO's global views alone, as the peer was first measured with.
const twoGlobal = "from = \"moco-v3\"\n[all]\nrandom_resized_crop = { interpolation = \"bicubic\" }\n"

// MethodCases are every method as it comes, for 4 epochs of the demo's network, then the recipes for these images, then
// CollapseCases.
func MethodCases() (cases []MethodCase, err error) {
	for _, name := range ssl.Methods() {
		for seed := range max(1, seeds[name]) {
			c := MethodCase{Name: fmt.Sprintf("%s-%d", name, seed), Group: name, Config: methodConfig(uint64(seed))}
			c.Config.Method = name
			if name == "dino" {
				c.Views, c.Config.ClipEach = twoGlobal, 3
			}
			cases = append(cases, c)
		}
	}
	for _, name := range ssl.Recipes() {
		if !strings.HasPrefix(name, recipesFor) {
			continue
		}
		r, err := ssl.OpenRecipe(name)
		if err != nil {
			return nil, err
		}
		config := methodConfig(0)
		r.Apply(&config, func(string) bool { return false })
		for seed := range min(3, max(1, seeds[config.Method])) {
			config.Seed = uint64(seed)
			cases = append(cases, MethodCase{Name: fmt.Sprintf("%s-%d", name, seed), Group: name, Config: config, Views: r.Views, Set: r.Options})
		}
	}
	return append(cases, CollapseCases()...), nil
}

// CollapseCases are BYOL with one after the other of what is said to keep it from collapse taken away or replaced (bench/COLLAPSE.md).
func CollapseCases() (cases []MethodCase) {
	const fast = 0.9 // the target has to follow within few steps
	for _, x := range []struct {
		name, norm, heads string
		momentum          float64
		direct            bool // no predictor
	}{
		{"batch norm", "on", "on", fast, false},
		{"no batch norm", "off", "off", fast, false},
		{"no batch norm in the heads", "on", "off", fast, false},
		{"batch norm in the heads alone", "off", "on", fast, false},
		{"the batch's mean subtracted", "mean", "mean", fast, false},
		{"a moving average of the mean subtracted", "moving-mean", "moving-mean", fast, false},
		{"group norm", "group", "group", fast, false},
		{"layer norm", "layer", "layer", fast, false},
		{"no predictor", "on", "on", fast, true},
		{"no momentum encoder", "on", "on", 0, false},
	} {
		c := MethodCase{Name: "collapse-" + strings.ReplaceAll(strings.ReplaceAll(x.name, "'", ""), " ", "-"), Group: "BYOL, " + x.name, Config: methodConfig(0)}
		c.Set = map[string]any{"momentum": x.momentum, "no-predictor": x.direct}
		c.Config.Method, c.Config.BN, c.Config.HeadBN = "byol", x.norm, x.heads
		cases = append(cases, c)
	}
	return cases
}

// methodConfig is the demo's.
func methodConfig(seed uint64) ssl.Config {
	c := ssl.DefaultConfig()
	c.Data, c.Arch, c.Width, c.Epochs, c.Seed = stepData, "resnet10", 16, plainEpochs, seed
	return c
}

// method makes the case's method and notes its hyper-parameters in the configuration.
func (c *MethodCase) method() (ssl.Method, error) {
	m, err := ssl.New(c.Config.Method)
	if err != nil {
		return nil, err
	}
	c.Config.Options = map[string]any{}
	for _, o := range ssl.Options(m) {
		if v, ok := c.Set[o.Name]; ok {
			if err := o.Set(fmt.Sprint(v)); err != nil {
				return nil, err
			}
		}
		c.Config.Options[o.Name] = o.Get()
	}
	return m, nil
}
