package ssl

import (
	"strings"
	"testing"
)

func TestAdviceNamesWhatHardlyWorks(t *testing.T) {
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
		{"imagenet", 32, 65536, []string{"leaves 1×1", "--prototypes 32 would do"}},
	} {
		c := DefaultConfig()
		c.Arch, c.Stem, c.Size, c.Method = "resnet18", x.stem, x.size, "dino"
		got := c.Advice(&DINO{Prototypes: x.prototypes}, noise(160, 8, 1))
		if len(got) != len(x.want) {
			t.Errorf("%+v: %q", x, got)
			continue
		}
		for i, want := range x.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%+v: %q does not say %q", x, got[i], want)
			}
		}
	}
}

func TestPrototypesGrowWithTheImages(t *testing.T) {
	for images, want := range map[int]int{10: 16, 160: 32, 2000: 256, 10_000: 1024, 19_999: 1024, 20_000: 2048, 50_000: 4096, 100_000: 16384, 200_000: 32768, 500_000: 65536, 1 << 30: 65536} {
		if got := prototypesFor(images); got != want {
			t.Errorf("%d images: %d prototypes, want %d", images, got, want)
		}
		if said := (&DINO{Prototypes: prototypesFor(images)}).advice(images); said != nil {
			t.Errorf("%d images: %q about the rule's own number", images, said)
		}
	}
}
