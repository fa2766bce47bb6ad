package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/npy"
	"github.com/marr-ssl/marr/vk"
)

// keptFeatures returns the subject's features of a set, as eval computes them: prepared as the network needs them, without augmentation. They are kept in
// the cache, by the values of the network, its branch, the preparation of the images, and the images.
func (s subject) keptFeatures(ctx context.Context, dev *vk.Device, set *data.Set) (*eval.Features, error) {
	file, err := s.featuresFile(set)
	if err != nil {
		return nil, err
	}
	values, shape, err := readFeatures(file)
	if err == nil && shape[0] != set.Len() {
		err = fmt.Errorf("it has %d rows for %s", shape[0], count(set.Len(), "image"))
	}
	if err == nil {
		note("the features of %s were computed before: they are read from %s", set.Name, file)
		return &eval.Features{Name: set.Name, N: shape[0], D: shape[1], X: values, Labels: set.Labels}, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		note("%s: %v: the features are computed again", file, err)
	}
	all, err := s.features(ctx, dev, set)
	if err != nil {
		return nil, err
	}
	f := all[0]
	if file == "" {
		return f, nil
	}
	var out bytes.Buffer
	if err := npy.Write(&out, f.X, f.N, f.D); err != nil {
		return nil, err
	}
	if err := vk.WriteFileAtomic(file, out.Bytes()); err != nil {
		note("the features of %s are not kept: %v", set.Name, err)
	}
	return f, nil
}

// featuresFile returns the file of the cache with the subject's features of a set, "" if caches are off.
func (s subject) featuresFile(set *data.Set) (string, error) {
	dir, err := vk.CacheDir()
	if err != nil || dir == "" {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, set.Fingerprint(), s.channels, s.inputs, s.branch)
	if err := s.values(h); err != nil {
		return "", err
	}
	return filepath.Join(dir, "features", hex.EncodeToString(h.Sum(nil)[:16])+featuresSuffix), nil
}

// fileValues is subject.values of a file.
func fileValues(path string) func(io.Writer) error {
	return func(to io.Writer) error {
		raw, err := net.ReadFile(path, export.MaxModel)
		if err != nil {
			return err
		}
		_, err = to.Write(raw)
		return err
	}
}

// featuresSuffix is that of files of features that commands read.
const featuresSuffix = ".npy"

// maxFeatures is the largest size of a file of features, in bytes.
const maxFeatures = 1 << 36

// readFeatures reads features [images D] from an .npy file.
func readFeatures(path string) (values []float32, shape []int, err error) {
	raw, err := net.ReadFile(path, maxFeatures)
	if err != nil {
		return nil, nil, err
	}
	values, shape, err = npy.Floats(raw)
	if err == nil && len(shape) != 2 {
		err = fmt.Errorf("its shape is %v: want [images D]", shape)
	}
	return values, shape, err
}
