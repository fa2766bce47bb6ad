package data

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/idx"
)

//go:embed fashion.idx.gz
var fashionFile []byte

// FashionLicense is the license of the embedded images.
//
//go:embed LICENSE.fashion-mnist
var FashionLicense string

// fashionClasses are the label names of Fashion-MNIST (arXiv:1708.07747, table 1).
var fashionClasses = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}

// Builtins returns the names of all built-in sets. Training parts have 10,000 images, test parts (":test") 2,000.
func Builtins() []string {
	return []string{"builtin:fashion", "builtin:fashion:test", "builtin:fashion-placed", "builtin:fashion-placed:test",
		"builtin:fashion-tinted", "builtin:fashion-tinted:test"}
}

// openBuiltin returns a built-in set; name must be one of Builtins.
func openBuiltin(name string) (*Set, error) {
	if !slices.Contains(Builtins(), name) {
		return nil, fmt.Errorf("data: %s: no such built-in set: expected one of %s", name, strings.Join(Builtins(), ", "))
	}
	kind, test := strings.CutSuffix(name, ":test")
	part := partTrain
	if test {
		part = partTest
	}
	images, labels, err := fashion(part)
	if err != nil {
		return nil, fmt.Errorf("data: %s: embedded file damaged: %w: rebuild the program", name, err)
	}
	pixels, side, channels := images.Data, garment, 1
	if kind != "builtin:fashion" {
		pixels, side = place(pixels, part), frame
	}
	if kind == "builtin:fashion-tinted" {
		pixels, channels = tint(pixels, part), 3
	}
	return newHeapSet(name, side, side, channels, pixels, widen(labels.Data), slices.Clone(fashionClasses)), nil
}

// Parts of the embedded file, in its order. They are also the first number of a placement's random stream, so they must never change.
const (
	partTrain = iota
	partTest
)

// fashion decodes the images [N 28 28] and labels [N] of one part. The file holds images and labels of each part in turn.
func fashion(part int) (images, labels idx.Array, err error) {
	z, err := gzip.NewReader(bytes.NewReader(fashionFile))
	if err != nil {
		return images, labels, err
	}
	for range part + 1 {
		if images, err = idx.Read(z); err != nil {
			return images, labels, err
		}
		if labels, err = idx.Read(z); err != nil {
			return images, labels, err
		}
	}
	if part == partTest {
		// gzip compares its checksum at the end of the stream.
		if _, err = io.Copy(io.Discard, z); err != nil {
			return images, labels, err
		}
	}
	return images, labels, nil
}
