package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"marr/export"
	"marr/net"
	"marr/ssl"
	"marr/ssl/npy"
	"marr/vk"
)

// teacherFlag declares --teacher.
func teacherFlag(fs *pflag.FlagSet) *string {
	return fs.String("teacher", "", "`FILE` that --method distill learns from: features as .npy, float32 [images D], in the order that marr data inspect --files lists; "+
		"or a network as .onnx or .safetensors, which computes the features of the images once")
}

// checkTeacher returns an error if a method that learns from a teacher has none, if another method has one, or if the file cannot be one.
func (p *planner) checkTeacher() error {
	path := *p.teacher
	_, learns := p.method.(*ssl.Distill)
	switch {
	case learns && path == "":
		return usagef("--method %s: it learns from a teacher: give its features or its network by --teacher FILE", p.config.Method)
	case !learns && path != "":
		return usagef("--teacher %s: only --method distill learns from a teacher: add it, or omit --teacher", path)
	case !learns:
		return nil
	}
	if _, err := export.FormatOf(path); err != nil && filepath.Ext(path) != featuresSuffix {
		return usagef("--teacher %s: give a file that ends in .npy, .onnx or .safetensors", path)
	}
	if _, err := os.Stat(path); err != nil { // now, because opening the images takes time
		return fmt.Errorf("--teacher: %w", err)
	}
	return nil
}

// featuresSuffix is that of files of features.
const featuresSuffix = ".npy"

// openTeacher sets the features of the images of --data by the teacher of --teacher, if the method learns from one.
func (p *planner) openTeacher(ctx context.Context) (err error) {
	path := *p.teacher
	if path == "" {
		return nil
	}
	if filepath.Ext(path) == featuresSuffix {
		p.features, err = readFeatures(path)
	} else {
		p.features, err = teacherOfNetwork(ctx, p.dev, path, p.config.Data)
	}
	if err == nil {
		err = p.features.Check(p.set.Len())
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("--teacher %s: %w", path, err)
	}
	return err
}

// maxFeatures is the largest size of a file of features, in bytes.
const maxFeatures = 1 << 36

// readFeatures reads features [images D] from an .npy file.
func readFeatures(path string) (*ssl.TeacherFeatures, error) {
	raw, err := net.ReadFile(path, maxFeatures)
	if err != nil {
		return nil, err
	}
	values, shape, err := npy.Floats(raw)
	if err == nil && len(shape) != 2 {
		err = fmt.Errorf("its shape is %v: want [images D]", shape)
	}
	if err != nil {
		return nil, err
	}
	return &ssl.TeacherFeatures{Dim: shape[1], Values: values}, nil
}

// teacherOfNetwork returns the features that the network of a file gives to the images of --data, as eval does: prepared as the file states, without
// augmentation. They are kept in the cache, by the contents of the file and of the images.
func teacherOfNetwork(ctx context.Context, dev *vk.Device, path, images string) (*ssl.TeacherFeatures, error) {
	s, err := evaluation{model: path}.file()
	if err != nil {
		return nil, err
	}
	if s.runtime != nil {
		defer s.runtime.session.Close()
	}
	set, err := openSet(ctx, images, s.inputs.Size)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	set = withChannels(set, s.channels)
	file, err := featuresFile(path, set.Fingerprint())
	if err != nil {
		return nil, err
	}
	if t, err := readFeatures(file); err == nil {
		note("the features of %s were computed before: they are read from %s", path, file)
		return t, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		note("%s: %v: the features are computed again", file, err)
	}
	f, err := s.features(ctx, dev, set)
	if err != nil {
		return nil, err
	}
	t := &ssl.TeacherFeatures{Dim: f[0].D, Values: f[0].X}
	if file == "" {
		return t, nil
	}
	var out bytes.Buffer
	if err := npy.Write(&out, t.Values, t.Rows(), t.Dim); err != nil {
		return nil, err
	}
	if err := vk.WriteFileAtomic(file, out.Bytes()); err != nil {
		note("the features of %s are not kept: %v", path, err)
	}
	return t, nil
}

// featuresFile returns the file of the cache with the features by the network of a file of images with this fingerprint, "" if caches are off.
func featuresFile(network, images string) (string, error) {
	dir, err := vk.CacheDir()
	if err != nil || dir == "" {
		return "", err
	}
	raw, err := net.ReadFile(network, export.MaxModel)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, images)
	h.Write(raw)
	return filepath.Join(dir, "features", hex.EncodeToString(h.Sum(nil)[:16])+featuresSuffix), nil
}
