package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/marr-ssl/marr/export/ort"
)

// programs are the readers that are scripts. Each reader is called as
//
//	READER FILE IMAGES FEATURES N C H W
//
// It prints its version, reads the images, raw float32 [N C H W], and writes the features, raw float32 [N D]. The readers in Go are modules of their own,
// because some need versions of packages that exclude each other.
//
//go:embed readers
var programs embed.FS

// reader is a program that loads exported files.
type reader struct {
	name    string
	weights bool   // it loads safetensors
	program string // in readers; "": ONNX Runtime by package ort
}

var readers = []reader{
	{"ONNX Runtime", false, ""},
	{"ONNX Runtime, WebAssembly (npm onnxruntime-web)", false, "web.mjs"},
	{"OpenCV (Debian)", false, "opencv.py"},
	{"OpenCV, WebAssembly (npm @techstark/opencv-js), an image a call", false, "opencv.cjs"},
	{"GoMLX (Go module onnx-gomlx)", false, "gomlx"},
	{"onnx-go with gorgonnx (Go module)", false, "gorgonnx"},
	{"gonnx (Go module)", false, "gonnx"},
	{"PyTorch (Debian), safetensors by names", true, "torch_readers.py"},
}

// limit is the longest time that a program may take.
const limit = 10 * time.Minute

// row is what a reader computed: a cell for each network.
type row struct {
	name, version string
	cells         []cell
}

// cell is the largest difference of each batch from the device, or why there is none.
type cell struct {
	differences []float64
	fixed       string // why it is of the file for one size, "": it is not
	reason      string // why it failed
}

// readAll reads the files of all networks.
func (r reader) readAll(ctx context.Context, dir, packages string, all []files) (x row, err error) {
	x.name = r.name
	command, err := r.command(ctx, filepath.Join(dir, "readers"))
	if err != nil {
		return x, err
	}
	evaluate := func(path string, f files, n int) (y []float32, err error) {
		var version string
		if r.program == "" {
			version, y, err = runtime(path, f.images[n], n)
		} else {
			version, y, err = call(ctx, command, packages, path, f.images[n], n)
		}
		if version != "" {
			x.version = version
		}
		return y, err
	}
	for _, f := range all {
		paths := []string{f.onnx}
		switch {
		case r.weights:
			paths = []string{f.weights}
		case f.onnx != f.fixed:
			paths = append(paths, f.fixed)
		}
		c := read(paths[0], f, evaluate)
		if c.reason != "" && len(paths) > 1 {
			if second := read(paths[1], f, evaluate); second.reason == "" {
				second.fixed = c.reason
				c = second
			}
		}
		x.cells = append(x.cells, c)
	}
	return x, nil
}

// read compares the features of a file with the device's.
func read(path string, f files, evaluate func(path string, f files, n int) ([]float32, error)) (c cell) {
	for _, n := range batches {
		y, err := evaluate(path, f, n)
		if err != nil {
			return cell{reason: err.Error()}
		}
		want, largest := f.features[n], 0.0
		if len(y) != len(want) {
			return cell{reason: fmt.Sprintf("%d images give %d values, not %d", n, len(y), len(want))}
		}
		for i := range y {
			d := math.Abs(float64(y[i] - want[i]))
			if math.IsNaN(d) {
				return cell{reason: "a feature is not a number"}
			}
			largest = max(largest, d)
		}
		c.differences = append(c.differences, largest)
	}
	return c
}

// command returns the command line of a reader. It builds those in Go.
func (r reader) command(ctx context.Context, dir string) ([]string, error) {
	path := filepath.Join(dir, r.program)
	switch filepath.Ext(path) {
	case ".py":
		return []string{"/usr/bin/python3", path}, nil // Debian's, which has Debian's packages
	case ".mjs", ".cjs":
		return []string{"node", path}, nil
	}
	if r.program == "" {
		return nil, nil
	}
	source := filepath.Join("tools", "exports", "readers", r.program)
	build := exec.CommandContext(ctx, "go", "build", "-C", source, "-o", path+".exe", ".")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %s", source, err, out)
	}
	return []string{path + ".exe"}, nil
}

// runtime evaluates an ONNX file in ONNX Runtime.
func runtime(path, images string, n int) (version string, y []float32, err error) {
	rt, err := ort.Open()
	if err != nil {
		return "", nil, err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	x, err := readFloats(images)
	if err != nil {
		return "", nil, err
	}
	values, _, err := rt.Run(raw, x, []int{n, channels, side, side})
	if err != nil {
		return rt.Version(), nil, err
	}
	return rt.Version(), values[0], nil
}

// call runs a reader in a process of its own. Its error is what message makes of its standard error.
func call(ctx context.Context, command []string, packages, path, images string, n int) (version string, y []float32, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	features := images + ".features"
	defer os.Remove(features)
	arguments := append(slices.Clone(command[1:]), path, images, features, fmt.Sprint(n), fmt.Sprint(channels), fmt.Sprint(side), fmt.Sprint(side))
	process := exec.CommandContext(ctx, command[0], arguments...)
	process.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(packages, "node_modules"))
	var out, failure bytes.Buffer
	process.Stdout, process.Stderr = &out, &failure
	err = process.Run()
	version, _, _ = strings.Cut(strings.TrimSpace(out.String()), "\n")
	if err != nil {
		return version, nil, errors.New(message(failure.String(), err))
	}
	y, err = readFloats(features)
	return version, y, err
}

// message returns what a program said when it failed: the line of a Go panic, or the last line.
func message(said string, err error) string {
	lines := strings.Split(strings.TrimRight(said, "> \r\n"), "\n") // OpenCV ends in an empty quotation
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "panic: "); ok {
			return rest
		}
	}
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
