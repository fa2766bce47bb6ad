package ssl

import (
	"fmt"
	"math"

	"marr/ssl/data"
	"marr/ssl/views"
)

// ClipFrames is how many frames a sample of a set of clips has for a recipe that is made of frames.
const ClipFrames = 3

// margin is how much more than a view's side the stored images' short side has, so that crops and the test transform have something to take: 256/224
// of it and a little.
const margin = 1.25

// StoredSide is the short side, in pixels, at which images are to be kept for views of px: data.Options.Side.
func StoredSide(px int) int { return int(math.Ceil(margin * float64(px))) }

// ViewInput is what a recipe is made for: views of a run's size, of a set's images.
func (c Config) ViewInput(set *data.Set) views.Input {
	in := views.Input{Size: c.Size, Channels: set.C, Frames: 1}
	if len(set.Clips) > 0 {
		in.Frames = ClipFrames
	}
	return in
}

// SetViews makes the recipe in TOML (views.Decode), laid over the method's own, that of the run; "" takes the method's own. Size must be known.
func (c *Config) SetViews(text string, m Method, set *data.Set) error {
	in := c.ViewInput(set)
	specs, err := m.Views(in)
	if err == nil && text != "" {
		if specs, err = views.Decode(text, in, specs); err != nil {
			err = fmt.Errorf("ssl: --views: %w", err)
		}
	}
	if err != nil {
		return &ConfigError{err}
	}
	c.Views = views.Encode(specs)
	return nil
}

// recipe is the run's views, in order.
func (c Config) recipe(m Method, set *data.Set) ([]views.Spec, error) {
	if c.Views == "" {
		if err := c.SetViews("", m, set); err != nil {
			return nil, err
		}
	}
	specs, err := views.Decode(c.Views, c.ViewInput(set), nil)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return specs, nil
}
