package ssl

import (
	"fmt"

	"marr/ssl/data"
)

// adviser is a method that may have something to say about its hyper-parameters for a run on so many images.
type adviser interface{ advice(images int) []string }

// Advice is what a resolved run will hardly do well with, though it can be done: a sentence each, with what to change.
func (c Config) Advice(m Method, set *data.Set) (out []string) {
	switch side := c.Backbone(set.C).Side(c.Size); {
	case c.Stem == "imagenet" && c.Size <= 64:
		out = append(out, fmt.Sprintf("the imagenet stem leaves %d×%d of %d×%d pixels: --stem cifar or strided sees more of small images", side, side, c.Size, c.Size))
	case side == 1:
		out = append(out, fmt.Sprintf("the network ends with 1×1 of %d×%d pixels: a finer --stem or a larger --size leaves something to take the mean of", c.Size, c.Size))
	}
	if a, ok := m.(adviser); ok {
		out = append(out, a.advice(set.Len())...)
	}
	return out
}

// prototypesFor is how many prototypes so many images bear (lightly-ai/lightly-train, _methods/dino/dino.py, output_dim), and of few images no more
// than one for every fewest.
func prototypesFor(images int) int {
	n := 65536
	for _, x := range []struct{ below, prototypes int }{{20_000, 1024}, {50_000, 2048}, {100_000, 4096}, {200_000, 16384}, {500_000, 32768}} {
		if images < x.below {
			n = x.prototypes
			break
		}
	}
	for n > 16 && n > images/fewest {
		n /= 2
	}
	return n
}

// fewest images that a prototype wants. The table above asks for 6 and more from 10,000 images on.
const fewest = 4

func (m *DINO) advice(images int) []string {
	if m.Prototypes <= max(images/fewest, 16) {
		return nil
	}
	return []string{fmt.Sprintf("%d prototypes are many for %d images, which then hardly share any: --prototypes %d would do", m.Prototypes, images, prototypesFor(images))}
}
