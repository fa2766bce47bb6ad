package run

import (
	"fmt"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// CheckSize returns a *train.ConfigError for a Size that is too small for the network: some methods show it parts of a view, such as DINO's local crops
// and the tiles of a jigsaw. The error states the smallest size that is large enough. text changes the method's views as in SetViews. The settings of the
// architecture may be open.
func (c Config) CheckSize(text string, m ssl.Method) error {
	const most = 512 // enough for all methods and architectures
	for least := train.MinSize; least <= most; least++ {
		side, network, err := c.smallestView(least, text, m)
		if err != nil || side < network.Arch.MinSize() {
			continue
		}
		if c.Size >= least {
			return nil
		}
		return train.NewConfigError(c.tooSmall(least, text, m))
	}
	return nil // no size is large enough: other checks report why
}

// tooSmall describes a size below the smallest one that is large enough.
func (c Config) tooSmall(least int, text string, m ssl.Method) error {
	why, hint := fmt.Sprintf("views under %d×%d pixels show too little to learn from", train.MinSize, train.MinSize), ""
	if c.Size >= train.MinSize {
		side, network, err := c.smallestView(c.Size, text, m)
		if err != nil {
			return fmt.Errorf("run: --size %d: too small for the views of %s: set it to at least %d", c.Size, c.Method, least)
		}
		why = fmt.Sprintf("%s would see images of %d×%d pixels", network.Name, side, side)
		if a, ok := network.Arch.(interface{ Fitting(size int) string }); ok && a.Fitting(side) != "" {
			hint = ", or choose " + a.Fitting(side)
		}
	}
	return fmt.Errorf("run: --size %d: too small for %s: %s: set it to at least %d%s", c.Size, c.Method, why, least, hint)
}

// smallestView returns the side of the smallest images that the network sees of views of `size` pixels, and the network.
func (c Config) smallestView(size int, text string, m ssl.Method) (side int, network net.Config, err error) {
	in := views.Input{Size: size, Channels: 3, Frames: train.ClipFrames} // sizes depend neither on channels nor on frames
	specs, err := m.Views(in)
	if err == nil && text != "" {
		specs, err = views.Decode(text, in, specs)
	}
	if err != nil {
		return 0, network, err
	}
	if network, err = c.Network(in.Channels); err != nil {
		return 0, network, err
	}
	network.Arch.Resolve(size)
	side = size
	for _, s := range specs {
		if _, tile := s.Tiles(); tile > 0 {
			side = min(side, tile)
		}
		side = min(side, s.Size)
	}
	return side, network, nil
}
