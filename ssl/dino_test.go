package ssl

import (
	"testing"
)

func TestPrototypesForGrowsWithTheNumberOfImages(t *testing.T) {
	for images, want := range map[int]int{10: 16, 160: 32, 2000: 256, 10_000: 1024, 19_999: 1024, 20_000: 2048, 50_000: 4096, 100_000: 16384, 200_000: 32768, 500_000: 65536, 1 << 30: 65536} {
		if got := PrototypesFor(images); got != want {
			t.Errorf("%d images: %d prototypes, want %d", images, got, want)
		}
		if advice := (&DINO{Prototypes: PrototypesFor(images)}).Advice(images); advice != nil {
			t.Errorf("%d images: the number of prototypes is its own choice, and it advises %q", images, advice)
		}
	}
}
