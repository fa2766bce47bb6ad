package run

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// Config holds all settings that determine a run's result, besides the images. It is written to config.toml and into
// checkpoints; a resumed run must have the same. The `want` tags are the bounds in recipes.
type Config struct {
	Data   string `toml:"data" json:"data"`
	Method string `toml:"method" json:"method"`
	train.Config
	Init        *Init          `toml:"init" json:"init,omitempty"`                 // nil: the backbone starts from random values
	Teacher     string         `toml:"teacher" json:"teacher,omitempty"`           // ssl.TeacherFeatures.Fingerprint; "": the method has no teacher
	SyncedRanks int            `toml:"synced_ranks" json:"synced_ranks,omitempty"` // that compute the run with SyncBN; 0: without
	Views       string         `toml:"views" json:"views"`                         // as views.Encode writes them; "": the method's own
	Options     map[string]any `toml:"options" json:"options"`                     // the method's hyper-parameters
}

// Init is the backbone that a run starts from, and the normalization of images that it needs.
type Init struct {
	Weights string    `toml:"weights" json:"weights"` // net.BackboneFingerprint
	Mean    []float64 `toml:"mean" json:"mean"`       // by channel, on the scale 0 … 1
	Std     []float64 `toml:"std" json:"std"`
}

// DefaultConfig returns the settings that a run starts from: SimCLR with train.DefaultConfig.
func DefaultConfig() Config { return Config{Method: "simclr", Config: train.DefaultConfig()} }

// CheckNetwork returns a *train.ConfigError if the method cannot use the architecture.
func (c Config) CheckNetwork(m ssl.Method) error {
	n, ok := m.(ssl.NetworkChooser)
	if !ok {
		return nil
	}
	network, err := c.Network(3) // any number of channels
	if err == nil {
		err = n.CheckNetwork(network)
	}
	return train.NewConfigError(err)
}

// SetViews sets the views of the run: the method's own, changed by text in TOML (views.Decode); "" changes nothing. The configuration must be resolved.
func (c *Config) SetViews(text string, m ssl.Method, set *data.Set) error {
	in := train.ViewInput(c.Size, set)
	specs, err := m.Views(in)
	if err == nil && text != "" {
		if specs, err = views.Decode(text, in, specs); err != nil {
			err = fmt.Errorf("run: --views: %w", err)
		}
	}
	if masked, ok := m.(ssl.Masked); ok && err == nil {
		err = masked.CheckViews(specs)
	}
	if err != nil {
		return train.NewConfigError(err)
	}
	c.Views = views.Encode(specs)
	return nil
}

// NewTrainer returns the trainer of a resolved configuration on an empty store, which it takes over. A nil timing measures nothing, with nil
// ranks it is alone.
func (c Config) NewTrainer(st *kernels.Store, m ssl.Method, set *data.Set, timing *train.Timing, comm ranks.Comm) (*train.Trainer, error) {
	j, err := c.job(m, set)
	if err != nil {
		return nil, err
	}
	j.Timing, j.Ranks = timing, comm
	return train.New(st, c.Config, j)
}

// job returns what a resolved configuration trains.
func (c Config) job(m ssl.Method, set *data.Set) (train.Job, error) {
	j := train.Job{Name: c.Method, Method: m, Set: set}
	if c.Init != nil {
		j.Mean, j.Std = c.Init.Mean, c.Init.Std
	}
	if c.Views == "" {
		if err := c.SetViews("", m, set); err != nil {
			return j, err
		}
	}
	var err error
	j.Views, err = views.Decode(c.Views, train.ViewInput(c.Size, set), nil)
	return j, train.NewConfigError(err)
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
