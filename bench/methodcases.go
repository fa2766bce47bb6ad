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

// seeds is how often a method is trained plainly: those that the rest of a comparison hangs on three times.
var seeds = map[string]int{"simclr": 3, "byol": 3, "dino": 3}

// twoGlobal are DINO's global views alone, as the peer was first measured with.
const twoGlobal = "from = \"moco-v3\"\n[all]\nrandom_resized_crop = { interpolation = \"bicubic\" }\n"

// MethodCases are every method as it comes, for 4 epochs of the demo's network, and then the recipes for these images.
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
		c := MethodCase{Name: name, Group: name, Views: r.Views, Set: r.Options}
		c.Config = methodConfig(0)
		r.Apply(&c.Config, func(string) bool { return false })
		cases = append(cases, c)
	}
	return cases, nil
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
