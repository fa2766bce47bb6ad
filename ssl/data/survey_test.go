package data

import (
	"fmt"
	"image"
	"path/filepath"
	"testing"
)

func TestSurveyFindsTheTypicalSizeWithoutACache(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		w := 60
		if i%4 == 0 {
			w = 300 // one in four is larger
		}
		write(t, pngOf(t, image.NewGray(image.Rect(0, 0, w, w+20))), dir, fmt.Sprintf("%02d.png", i))
	}
	write(t, []byte("not an image"), dir, "00.png")
	images, side, err := Survey(t.Context(), dir)
	if err != nil || images != 40 || side != 60 {
		t.Errorf("%d images, short side %d, %v; want 40 and 60", images, side, err)
	}
	if _, _, err := Survey(t.Context(), filepath.Join(dir, "missing")); err == nil {
		t.Error("no error for a missing folder")
	}
}
