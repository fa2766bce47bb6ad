package run

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

func TestAdviceWarnsOfSettingsThatHardlyWork(t *testing.T) {
	for _, x := range []struct {
		stem       string
		size       int
		prototypes int
		want       []string
	}{
		{"strided", 32, 10, nil},
		{"cifar", 16, 10, nil},
		{"strided", 16, 10, []string{"ends with 1×1 of 16×16"}},
		{"imagenet", 64, 10, []string{"leaves 2×2 of 64×64 pixels: --stem cifar"}},
		{"imagenet", 65, 10, nil},
		{"cifar", 32, 1024, []string{"1024 prototypes are many for 160 images"}},
		{"imagenet", 32, 65536, []string{"leaves 1×1", "try --prototypes 32"}},
	} {
		c := DefaultConfig()
		c.Backbone, c.Size, c.Method = map[string]any{"stem": x.stem}, x.size, "dino"
		got := c.Advice(&ssl.DINO{Prototypes: x.prototypes}, datatest.Noise(160, 8, 1))
		if len(got) != len(x.want) {
			t.Errorf("%+v: %q", x, got)
			continue
		}
		for i, want := range x.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%+v: no %[3]q in %[2]q", x, got[i], want)
			}
		}
	}
}
