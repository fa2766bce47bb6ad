package net

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
)

// BackboneFingerprint returns the SHA-256 (hex) of the names, shapes and values of the parameters and running statistics of a store's backbone, which is the
// same on every device and for every file that holds them.
func BackboneFingerprint(st *kernels.Store) (string, error) {
	blobs := map[string]Blob{}
	add := func(name string, shape []int, read func() ([]float32, error)) error {
		if !strings.HasPrefix(name, BackbonePrefix) {
			return nil
		}
		v, err := read()
		if err != nil {
			return err
		}
		blobs[name] = FromFloat32s(name, shape, v)
		return nil
	}
	for _, p := range st.Params() {
		if err := add(p.Name, p.Shape, p.Read); err != nil {
			return "", err
		}
	}
	for _, x := range st.States() {
		if err := add(x.Name, x.Shape, x.Read); err != nil {
			return "", err
		}
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(blobs)) {
		fmt.Fprintln(h, name, blobs[name].Shape)
		h.Write(blobs[name].Data)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
