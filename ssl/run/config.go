package run

import (
	"fmt"

	"marr/kernels"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/train"
	"marr/ssl/views"
)

// Config holds all settings that determine a run's result, besides the images. It is written to config.toml and into
// checkpoints; a resumed run must have the same. The `want` tags are the bounds in recipes.
type Config struct {
	Data   string `toml:"data" json:"data"`
	Method string `toml:"method" json:"method"`
	train.Config
	Views   string         `toml:"views" json:"views"`     // as views.Encode writes them; "": the method's own
	Options map[string]any `toml:"options" json:"options"` // the method's hyper-parameters
}

// DefaultConfig returns the settings that a run starts from: SimCLR with train.DefaultConfig.
func DefaultConfig() Config { return Config{Method: "simclr", Config: train.DefaultConfig()} }

// SetViews sets the views of the run: the method's own, changed by text in TOML (views.Decode); "" changes nothing. The configuration must be resolved.
func (c *Config) SetViews(text string, m ssl.Method, set *data.Set) error {
	in := train.ViewInput(c.Size, set)
	specs, err := m.Views(in)
	if err == nil && text != "" {
		if specs, err = views.Decode(text, in, specs); err != nil {
			err = fmt.Errorf("run: --views: %w", err)
		}
	}
	if err != nil {
		return train.NewConfigError(err)
	}
	c.Views = views.Encode(specs)
	return nil
}

// NewTrainer returns the trainer of a resolved configuration on an empty store, which it takes over. A nil timing measures nothing.
func (c Config) NewTrainer(st *kernels.Store, m ssl.Method, set *data.Set, timing *train.Timing) (*train.Trainer, error) {
	if c.Views == "" {
		if err := c.SetViews("", m, set); err != nil {
			return nil, err
		}
	}
	specs, err := views.Decode(c.Views, train.ViewInput(c.Size, set), nil)
	if err != nil {
		return nil, train.NewConfigError(err)
	}
	return train.New(st, c.Config, train.Job{Name: c.Method, Method: m, Set: set, Views: specs, Timing: timing})
}

// Advice returns a sentence for each setting of a resolved run that works but is unlikely to train well, with what to change.
func (c Config) Advice(m ssl.Method, set *data.Set) (out []string) {
	if network, err := c.Network(set.C); err == nil { // Check reports the error
		out = network.Advice(c.Size)
	}
	if a, ok := m.(interface{ Advice(images int) []string }); ok {
		out = append(out, a.Advice(set.Len())...)
	}
	return out
}
