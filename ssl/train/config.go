package train

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
)

// Config is the network and the optimization of a run. The tags are the keys in config.toml, checkpoints and recipes.
type Config struct {
	Arch       string         `toml:"arch" json:"arch"`                                           // one of net.Architectures
	Backbone   map[string]any `toml:"backbone" json:"backbone"`                                   // the architecture's settings
	Norm       string         `toml:"norm" json:"norm"`                                           // of the backbone: one of net.Norms
	HeadNorm   string         `toml:"head_norm" json:"head_norm"`                                 // of the heads: one of net.Norms
	Size       int            `toml:"size" json:"size" want:"at least 8"`                         // of a view, pixels
	Epochs     int            `toml:"epochs" json:"epochs" want:"at least 1"`                     // passes over the images
	Batch      int            `toml:"batch" json:"batch" want:"at least 2"`                       // images per step
	Accumulate int            `toml:"accumulate" json:"accumulate" want:"at least 1"`             // parts of a batch, computed one after the other
	SyncBN     bool           `toml:"sync_bn" json:"sync_bn"`                                     // batch norm normalizes over the parts of all ranks (Job.Ranks) together
	Precision  string         `toml:"precision" json:"precision"`                                 // of the activations: one of Precisions
	Wire       string         `toml:"wire" json:"wire"`                                           // of the gradients between several devices: one of ranks.Wires
	Optimizer  string         `toml:"optimizer" json:"optimizer"`                                 // one of net.Optimizers
	Schedule   string         `toml:"schedule" json:"schedule"`                                   // of the learning rate after the warm-up: one of net.Schedules
	LR         float64        `toml:"lr" json:"lr" want:"above 0"`                                // peak learning rate; 0: BaseLR·Batch/ReferenceBatch
	BaseLR     float64        `toml:"base_lr" json:"base_lr" want:"above 0"`                      // peak learning rate at a batch of ReferenceBatch
	LREnd      float64        `toml:"lr_end" json:"lr_end" want:"at least 0"`                     // learning rate at the end of the schedule cosine
	Beta2      float64        `toml:"beta2" json:"beta2" want:"above 0, below 1"`                 // β₂ of the optimizers adam and adamw
	Decay      float64        `toml:"weight_decay" json:"weight_decay" want:"at least 0"`         // weight decay at the start
	DecayEnd   float64        `toml:"weight_decay_end" json:"weight_decay_end" want:"at least 0"` // weight decay at the end of a cosine; −1: Decay
	Warmup     float64        `toml:"warmup" json:"warmup" want:"at least 0, at most 1"`          // fraction of the steps
	// WarmupEpochs is the warm-up in epochs. Resolve computes Warmup from it, unless it is 0.
	WarmupEpochs float64 `json:"-"`
	Seed         uint64  `toml:"seed" json:"seed" want:"at least 0"`           // of initial weights, shuffles and augmentations
	Clip         float64 `toml:"clip" json:"clip" want:"at least 0"`           // largest norm of all gradients together; 0: any
	ClipEach     float64 `toml:"clip_each" json:"clip_each" want:"at least 0"` // largest norm of each parameter's gradient; 0: any
}

// Precisions lists the precisions of a backbone's activations and of their gradients: floats, or "mixed", halves with a scaled loss
// (kernels.Graph.ScaleLoss). Parameters, statistics, heads and losses are floats in both.
var Precisions = []string{"fp32", "mixed"}

// DefaultConfig returns AdamW without decay (Adam) at 2e-3 for a batch of 256, with a warm-up over 10 % of the steps, then a cosine to 0.
func DefaultConfig() Config {
	return Config{Arch: "resnet18", Epochs: 100, Batch: 256, Accumulate: 1, Optimizer: "adamw", Schedule: "cosine", BaseLR: 2e-3,
		Beta2: net.DefaultBeta2, DecayEnd: -1, Warmup: 0.1, Seed: 1}
}

// ReferenceBatch is the batch that BaseLR is stated for: learning rates grow with the batch (Goyal et al. 2017, arXiv:1706.02677, section 2.1).
const ReferenceBatch = 256

// MinSize is the smallest side of views that a run accepts, in pixels: smaller ones show too little to learn from.
const MinSize = 8

// Resolve fills in the settings that were left open and follow from others: the learning rate, the final weight decay, the norms, the size, and the
// settings of the architecture.
func (c *Config) Resolve(set *data.Set) {
	scaled := c.BaseLR * float64(c.Batch) / ReferenceBatch
	if c.LR == 0 {
		c.LR = scaled
	} else if c.LR != scaled {
		c.BaseLR = 0
	}
	if c.DecayEnd == -1 {
		c.DecayEnd = c.Decay
	}
	if c.WarmupEpochs > 0 {
		c.Warmup = c.WarmupEpochs / float64(c.Epochs)
	}
	c.Precision = cmp.Or(c.Precision, Precisions[0])
	c.Wire = cmp.Or(c.Wire, ranks.FP32)
	c.Schedule = cmp.Or(c.Schedule, net.Schedules[0])
	c.Beta2 = cmp.Or(c.Beta2, net.DefaultBeta2)
	c.Norm = cmp.Or(c.Norm, net.Norms[0])
	c.HeadNorm = cmp.Or(c.HeadNorm, c.Norm)
	if c.Size == 0 {
		h, w, _ := set.Size()
		c.Size = min(h, w)
	}
	if n, err := c.Network(set.C); err == nil { // Check reports the error
		n.Arch.Resolve(c.Size)
		c.Backbone = registry.Values(n.Arch)
	}
}

// Network returns the shape of the backbone for images of this many channels.
func (c Config) Network(channels int) (net.Config, error) {
	return net.NewConfig(c.Arch, c.Backbone, c.Norm, channels)
}

// ConfigError reports a setting that cannot work.
type ConfigError struct{ error }

// NewConfigError returns err as a *ConfigError, nil for nil.
func NewConfigError(err error) error {
	if err == nil {
		return nil
	}
	return &ConfigError{err}
}

// Unwrap returns the error without the type.
func (e *ConfigError) Unwrap() error { return e.error }

// Check returns a *ConfigError for settings that cannot work. The configuration must be resolved.
func (c Config) Check(set *data.Set) error {
	_, optimizer := net.NewOptimizer(c.Optimizer, c.Decay, c.Beta2)
	_, schedule := net.NewSchedule(c.Schedule, c.LR, c.LREnd, c.Warmup)
	network, err := c.Network(set.C)
	for _, err := range []error{err, net.CheckNorm(c.HeadNorm), optimizer, schedule, c.checkNumbers(set)} {
		if err != nil {
			return &ConfigError{err}
		}
	}
	return NewConfigError(network.Check(c.Size))
}

func (c Config) checkNumbers(set *data.Set) error {
	micro := c.Batch / max(c.Accumulate, 1)
	switch {
	case !slices.Contains(Precisions, c.Precision):
		return fmt.Errorf("train: precision %q: known are %s", c.Precision, strings.Join(Precisions, ", "))
	case !slices.Contains(ranks.Wires, c.Wire):
		return fmt.Errorf("train: wire %q: known are %s", c.Wire, strings.Join(ranks.Wires, ", "))
	case c.Epochs < 1:
		return fmt.Errorf("train: %d epochs: nothing would be trained: set --epochs to at least 1", c.Epochs)
	case c.Size < MinSize:
		return fmt.Errorf("train: size %d: views of fewer than %d×%d pixels show too little to learn from: set --size to at least %d", c.Size, MinSize, MinSize, MinSize)
	case c.Accumulate < 1 || c.Batch%c.Accumulate != 0:
		return fmt.Errorf("train: batch %d in %d parts: the parts must have equal size: choose an --accumulate that divides --batch", c.Batch, c.Accumulate)
	case micro < 2:
		return fmt.Errorf("train: batch of %d: batch norm and contrastive losses need at least 2 images at once: set --batch to at least twice --accumulate", micro)
	case set.Len() < 2:
		return fmt.Errorf("train: %s has %d images: a batch needs at least 2: give more images", set.Name, set.Len())
	case c.Batch > set.Len():
		return fmt.Errorf("train: batch of %d: %s has only %d images: set --batch to at most %d", c.Batch, set.Name, set.Len(), set.Len())
	case !(c.WarmupEpochs >= 0 && c.WarmupEpochs <= float64(c.Epochs)):
		return fmt.Errorf("train: a warm-up over %g epochs, in a run of %d: set --warmup-epochs to 0 or more, up to --epochs", c.WarmupEpochs, c.Epochs)
	case !(c.Clip >= 0) || !(c.ClipEach >= 0):
		return fmt.Errorf("train: gradients clipped at %g, each parameter's at %g: want norms above 0, or 0 for no clipping", c.Clip, c.ClipEach)
	case !(c.LREnd >= 0) || c.LREnd > 0 && (c.Schedule != "cosine" || c.LREnd > c.LR):
		return fmt.Errorf("train: a learning rate of %g at the end, after %g in the schedule %s: --lr-end belongs to --schedule cosine and must not exceed --lr", c.LREnd, c.LR, c.Schedule)
	case !(c.Beta2 > 0 && c.Beta2 < 1) || c.Beta2 != net.DefaultBeta2 && c.Optimizer != "adamw" && c.Optimizer != "adam":
		return fmt.Errorf("train: a β₂ of %g with %s: --beta2 is a number between 0 and 1 that belongs to --optimizer adamw and adam", c.Beta2, c.Optimizer)
	case !(c.LR > 0) || !(c.Decay >= 0) || !(c.DecayEnd >= 0) || !(c.Warmup >= 0 && c.Warmup <= 1):
		return fmt.Errorf("train: lr %g, weight decay %g to %g, warm-up %g: want lr above 0, decay at least 0, warm-up within 0 … 1", c.LR, c.Decay, c.DecayEnd, c.Warmup)
	}
	return nil
}

// schedules returns the schedules of learning rate and weight decay.
func (c Config) schedules() (rate, decay net.Schedule, err error) {
	rate, err = net.NewSchedule(c.Schedule, c.LR, c.LREnd, c.Warmup)
	return rate, net.Cosine{From: c.Decay, To: c.DecayEnd}, err
}

// Description describes the learning rate of a resolved configuration and how it was computed.
func (c Config) Description() string {
	text := fmt.Sprintf("learning rate %.4g", c.LR)
	if c.BaseLR > 0 {
		text += fmt.Sprintf(" = %g × %d/%d", c.BaseLR, c.Batch, ReferenceBatch)
	}
	if text += ", " + c.Schedule; c.Warmup > 0 {
		text += fmt.Sprintf(" after %.3g %% of warm-up", 100*c.Warmup)
	}
	if c.LREnd > 0 {
		text += fmt.Sprintf(", to %.4g at the end", c.LREnd)
	}
	if c.DecayEnd != c.Decay {
		text += fmt.Sprintf(", weight decay %g to %g", c.Decay, c.DecayEnd)
	}
	return text
}
