package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/vk"
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

// openTeacher sets the features of the images of --data by the teacher of --teacher, if the method learns from one.
func (p *planner) openTeacher(ctx context.Context) (err error) {
	path := *p.teacher
	if path == "" {
		return nil
	}
	if filepath.Ext(path) == featuresSuffix {
		p.features, err = readTeacher(path)
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

// readTeacher reads features [images D] from an .npy file.
func readTeacher(path string) (*ssl.TeacherFeatures, error) {
	values, shape, err := readFeatures(path)
	if err != nil {
		return nil, err
	}
	return &ssl.TeacherFeatures{Dim: shape[1], Values: values}, nil
}

// teacherOfNetwork returns the features that the network of a file gives to the images of --data.
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
	f, err := s.keptFeatures(ctx, dev, withChannels(set, s.channels))
	if err != nil {
		return nil, err
	}
	return &ssl.TeacherFeatures{Dim: f.D, Values: f.X}, nil
}
