package run

import (
	"errors"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/train"
)

// The first error states the limit that counts: for DINO that of its local crops, for a jigsaw that of its tiles.
func TestTooSmallSizesAreRefusedWithTheSmallestThatWorks(t *testing.T) {
	for _, x := range []struct {
		method, stem, views string
		size                int
		want                string // "": no error
	}{
		{"byol", "", "", -3, "views under 8×8 pixels show too little to learn from: set it to at least 9"},
		{"byol", "", "", 8, "resnet10 would see images of 8×8 pixels: set it to at least 9, or choose --stem cifar"},
		{"byol", "", "", 9, ""},
		{"byol", "cifar", "", 7, "set it to at least 8"},
		{"byol", "cifar", "", 8, ""},
		{"byol", "imagenet", "", 16, "set it to at least 17, or choose --stem cifar or strided"},
		{"dino", "", "", 1, "set it to at least 16"},
		{"dino", "", "", 9, "too small for dino: resnet10 would see images of 5×5 pixels: set it to at least 16, or choose --stem cifar"},
		{"dino", "", "", 16, ""},
		{"dino", "", "from = 'simclr'", 9, ""}, // no local crops
		{"jigsaw", "", "", 9, "images of 4×4 pixels: set it to at least 20"},
		{"jigsaw", "", "", 20, ""},
		{"order", "", "", 8, "set it to at least 9"},
		{"byol", "", "not TOML", 1, ""}, // SetViews reports it
	} {
		m, err := ssl.New(x.method)
		if err != nil {
			t.Fatal(err)
		}
		c := DefaultConfig()
		c.Method, c.Size, c.Arch, c.Backbone = x.method, x.size, "resnet10", map[string]any{}
		if x.stem != "" {
			c.Backbone["stem"] = x.stem
		}
		err = c.CheckSize(x.views, m)
		if (err == nil) != (x.want == "") || err != nil && (!strings.Contains(err.Error(), x.want) || !errors.As(err, new(*train.ConfigError))) {
			t.Errorf("%s, stem %q, %d px: %v, want %q", x.method, x.stem, x.size, err, x.want)
		}
	}
}
