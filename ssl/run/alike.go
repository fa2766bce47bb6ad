package run

import (
	"crypto/sha256"
	"fmt"

	"github.com/marr-ssl/marr/ssl/data"
)

// maxCompared is the largest number of images that alike compares.
const maxCompared = 256

// alike compares some images and returns what leaves a method nothing to learn, with what to do; "": nothing. Images that are alike but for noise are not
// found; the loss shows them.
func alike(set *data.Set) string {
	n := min(set.Len(), maxCompared)
	if n < 2 {
		return ""
	}
	single, contents := 0, map[[sha256.Size]byte]bool{}
	for i := range n {
		img := set.Image(i * set.Len() / n)
		contents[sha256.Sum256(img.Pix)] = true
		if isSingleColor(img) {
			single++
		}
	}
	compared := fmt.Sprintf("the %d images that were compared", n)
	what := ""
	switch {
	case single == n:
		what = compared + " have a single color each"
	case single > n/2:
		what = fmt.Sprintf("%d of %s have a single color each", single, compared)
	case len(contents) == 1:
		what = compared + " are the same"
	case len(contents) <= n/4:
		what = fmt.Sprintf("%s are copies of %d", compared, len(contents))
	default:
		return ""
	}
	return "the images are alike: " + what + ": give images that differ"
}

// isSingleColor reports whether all pixels are equal.
func isSingleColor(img data.Image) bool {
	for k, v := range img.Pix {
		if v != img.Pix[k%img.C] {
			return false
		}
	}
	return true
}
