package views

import (
	"slices"
	"testing"
)

func TestOnlyKeepsStrengthsAddsUsualOnesAndLeavesTheRest(t *testing.T) {
	base, err := Preset("byol", Input{Size: 96, Channels: 3, Frames: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := OpsOf(base, 3); !slices.Equal(got, []string{"crop", "flip", "color", "grayscale", "blur", "solarize"}) {
		t.Errorf("BYOL has %v", got)
	}
	if got := Ops(base, 1); slices.Contains(got, "grayscale") || !slices.Contains(got, "rotation") {
		t.Errorf("for gray images: %v", got)
	}
	got := Only(base, "blur", "cutout")
	for i, s := range got {
		if s.RandomResizedCrop != nil || s.HorizontalFlip != 0 || s.ColorJitter != nil || s.Grayscale != 0 || s.Solarize != nil {
			t.Errorf("view %d has more than blur and cutout: %+v", i, s)
		}
		if *s.GaussianBlur != *base[i].GaussianBlur || s.RandomErasing == nil || s.Size != 96 {
			t.Errorf("view %d: %+v", i, s)
		}
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
	if base[0].RandomResizedCrop == nil {
		t.Error("the views that were given have changed")
	}
	if plain := Only(base); len(OpsOf(plain, 3)) != 0 {
		t.Errorf("without any: %v", OpsOf(plain, 3))
	}
}

// What a method predicts is no augmentation: without it, nothing is left to learn.
func TestOnlyKeepsWhatAMethodPredicts(t *testing.T) {
	for _, name := range []string{"rotation", "jigsaw", "mae"} {
		base, err := Preset(name, Input{Size: 32, Channels: 3, Frames: 1})
		if err != nil {
			t.Fatal(err)
		}
		s := Only(base, "crop")[0]
		if s.TargetClasses() != base[0].TargetClasses() || (s.PatchMask == nil) != (base[0].PatchMask == nil) {
			t.Errorf("%s: %+v", name, s)
		}
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
