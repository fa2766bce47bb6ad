package ssl

import (
	"testing"
)

func TestStemFollowsArchitectureAndSize(t *testing.T) {
	for _, c := range []struct {
		arch, stem string
		size       int
		want       string
	}{
		{"resnet10", "", 32, "strided"}, {"resnet10", "", 224, "strided"}, {"resnet18", "", 32, "cifar"}, {"resnet34", "", 64, "cifar"},
		{"resnet34", "", 65, "imagenet"}, {"resnet50", "", 224, "imagenet"}, {"resnet50", "strided", 224, "strided"}, {"resnet18", "", 0, "cifar"},
	} {
		config := Config{Arch: c.arch, Stem: c.stem, Size: c.size}
		if config.Resolve(noise(1, 28, 1)); config.Stem != c.want {
			t.Errorf("%s, %q, %d px: stem %s, want %s", c.arch, c.stem, c.size, config.Stem, c.want)
		}
	}
}
