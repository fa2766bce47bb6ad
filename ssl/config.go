package ssl

import (
	"cmp"
	"fmt"

	"marr/net"
	"marr/ssl/data"
)

// Config is everything that decides a run's result beside the images. It is written to the run folder's config.toml and into
// checkpoints; a resumed run must have the same. The tags want are for recipes.
type Config struct {
	Data       string         `toml:"data" json:"data"`
	Method     string         `toml:"method" json:"method"`
	Options    map[string]any `toml:"options" json:"options"` // the method's hyper-parameters
	Arch       string         `toml:"arch" json:"arch"`
	Stem       string         `toml:"stem" json:"stem"`
	Width      int            `toml:"width" json:"width" want:"at least 1, at most 1024"` // channels of the first stage
	BN         string         `toml:"bn" json:"bn"`                                       // one of net.Norms: what stands in place of batch norm
	HeadBN     string         `toml:"head_bn" json:"head_bn"`                             // likewise in the heads alone
	Size       int            `toml:"size" json:"size" want:"at least 8"`                 // of a view, pixels
	Epochs     int            `toml:"epochs" json:"epochs" want:"at least 1"`             // passes over the images
	Batch      int            `toml:"batch" json:"batch" want:"at least 2"`               // images a step
	Accumulate int            `toml:"accumulate" json:"accumulate" want:"at least 1"`
	Optimizer  string         `toml:"optimizer" json:"optimizer"`            // one of net.Optimizers
	Schedule   string         `toml:"schedule" json:"schedule"`              // of the rate behind the warm-up: one of net.Rates
	BaseLR     float64        `toml:"base_lr" json:"base_lr" want:"above 0"` // peak learning rate at a batch of 256
	LR         float64        `toml:"lr" json:"lr" want:"above 0"`           // peak learning rate; 0: BaseLR·Batch/256
	Decay      float64        `toml:"weight_decay" json:"weight_decay" want:"at least 0"`
	DecayEnd   float64        `toml:"weight_decay_end" json:"weight_decay_end" want:"at least 0"` // what the decay leads to, along a cosine; −1: it stays
	Warmup     float64        `toml:"warmup" json:"warmup" want:"at least 0, at most 1"`          // share of the steps
	Seed       uint64         `toml:"seed" json:"seed" want:"at least 0"`
	Clip       float64        `toml:"clip" json:"clip" want:"at least 0"`           // largest norm of all gradients together; 0: any
	ClipEach   float64        `toml:"clip_each" json:"clip_each" want:"at least 0"` // largest norm of each parameter's gradient; 0: any
	Views      string         `toml:"views" json:"views"`                           // the recipe, as views.Encode writes it; "": the method's own
}

// DefaultConfig is the recipe that a run starts from: SimCLR, AdamW without decay (Adam) at 2e-3 for a batch of 256, warm-up over 10 % of the steps, cosine to 0.
func DefaultConfig() Config {
	return Config{Method: "simclr", Arch: "resnet18", Width: 64, Epochs: 100, Batch: 256, Accumulate: 1, Optimizer: "adamw", Schedule: "cosine", BaseLR: 2e-3,
		DecayEnd: -1, Warmup: 0.1, Seed: 1}
}

// Resolve fills in what follows from the rest where it was left at zero: rate and decay, the size, and the stem (strided for resnet10, else cifar up
// to 64 px and imagenet above).
func (c *Config) Resolve(set *data.Set) {
	c.resolveRate()
	c.resolveNorms()
	if c.Size == 0 {
		h, w, _ := set.Size()
		c.Size = min(h, w)
	}
	if c.Stem != "" {
		return
	}
	switch {
	case c.Arch == "resnet10":
		c.Stem = "strided"
	case c.Size <= 64:
		c.Stem = "cifar"
	default:
		c.Stem = "imagenet"
	}
}

// resolveNorms says what earlier configurations and callers leave unsaid: batch norm, and in the heads what the backbone has.
func (c *Config) resolveNorms() {
	c.BN = cmp.Or(c.BN, "on")
	c.HeadBN = cmp.Or(c.HeadBN, c.BN)
}

// ConfigError is a setting that cannot work.
type ConfigError struct{ error }

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.error }

// Check says what cannot work, before anything is written, as a *ConfigError.
func (c Config) Check(set *data.Set) error {
	_, optimizer := net.NewOptimizer(c.Optimizer, c.Decay)
	_, rate := net.NewRate(c.Schedule, c.LR, c.Warmup)
	backbone := c.Backbone(set.C)
	for _, err := range []error{backbone.Check(), net.CheckNorm(c.HeadBN), optimizer, rate, c.numbers(set), backbone.CheckSize(c.Size, c.Size)} {
		if err != nil {
			return &ConfigError{err}
		}
	}
	return nil
}

func (c Config) numbers(set *data.Set) error {
	micro := c.Batch / max(c.Accumulate, 1)
	switch {
	case c.Epochs < 1:
		return fmt.Errorf("ssl: %d epochs: there is nothing to do: set --epochs to at least 1", c.Epochs)
	case c.Size < 8:
		return fmt.Errorf("ssl: size %d: views below 8 pixels hold nothing to learn from: set --size to at least 8", c.Size)
	case c.Accumulate < 1 || c.Batch%c.Accumulate != 0:
		return fmt.Errorf("ssl: batch %d in %d parts: they must be equal: choose --accumulate so that it divides --batch", c.Batch, c.Accumulate)
	case micro < 2:
		return fmt.Errorf("ssl: batch of %d: batch norm and a contrast need at least 2 images at once: set --batch to 2 or more for each of --accumulate", micro)
	case c.Batch > set.Len():
		return fmt.Errorf("ssl: batch of %d: %s has only %d images: set --batch to at most %d", c.Batch, set.Name, set.Len(), set.Len())
	case !(c.Clip >= 0) || !(c.ClipEach >= 0):
		return fmt.Errorf("ssl: gradients clipped at %g, each parameter's at %g: want norms above 0, or 0 for none", c.Clip, c.ClipEach)
	case !(c.LR > 0) || !(c.Decay >= 0) || !(c.DecayEnd >= 0) || !(c.Warmup >= 0 && c.Warmup <= 1):
		return fmt.Errorf("ssl: lr %g, weight decay %g to %g, warm-up %g: want lr above 0, decay at least 0, warm-up within 0 … 1", c.LR, c.Decay, c.DecayEnd, c.Warmup)
	}
	return nil
}

// Backbone is the network's shape for images of this many channels.
func (c Config) Backbone(channels int) net.Config {
	return net.Config{Arch: c.Arch, Stem: c.Stem, Width: c.Width, Channels: channels, Norm: c.BN}
}
