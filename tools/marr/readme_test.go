package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/vk"
)

// printFeatures follows the README's snippet in the test: it prints the prepared photograph, and the features of images that are prepared already.
const printFeatures = `
import sys
with torch.no_grad():
    images = torch.frombuffer(bytearray(sys.stdin.buffer.read()), dtype=torch.float32).reshape(-1, *x.shape[1:])
    print(json.dumps({"prepared": x.flatten().tolist(), "features": net(images).flatten().tolist()}))
`

// safetensors stands in for the package of that name where Python lacks it. The format: 8 bytes, the size of the header; the header in JSON; the tensors.
const safetensors = `
import importlib.util, sys, types
if importlib.util.find_spec("safetensors") is None:
    import json, torch
    class safe_open:
        def __init__(self, path, framework):
            assert framework == "pt"
            raw = bytearray(open(path, "rb").read())
            start = 8 + int.from_bytes(raw[:8], "little")
            self.header, self.data = json.loads(raw[8:start]), raw[start:]
            self.meta = self.header.pop("__metadata__")
        def __enter__(self): return self
        def __exit__(self, *error): pass
        def metadata(self): return self.meta
        def keys(self): return self.header.keys()
        def get_tensor(self, name):
            t = self.header[name]
            assert t["dtype"] == "F32"
            begin, end = t["data_offsets"]
            return torch.frombuffer(self.data[begin:end], dtype=torch.float32).reshape(t["shape"])
    sys.modules["safetensors"] = types.ModuleType("safetensors")
    sys.modules["safetensors"].safe_open = safe_open
`

// torchSnippet returns the Python code of README.md.
func torchSnippet(t *testing.T) string {
	t.Helper()
	code := pythonBlocks(t, "../../README.md")
	if len(code) != 1 {
		t.Fatalf("README.md has %d blocks of Python, want 1", len(code))
	}
	return code[0]
}

// pythonBlocks returns the Python code of a document.
func pythonBlocks(t *testing.T, path string) (code []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```python\n(.*?)```").FindAllSubmatch(text, -1) {
		code = append(code, string(block[1]))
	}
	return code
}

// pythonWithTorchvision returns a Python that can run the snippet. It skips the test if there is none.
func pythonWithTorchvision(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import torch, torchvision").Run() == nil {
			return python
		}
	}
	t.Skip("no Python can import torch and torchvision: install python3-torch and python3-torchvision")
	return ""
}

func TestReadmeSnippetComputesTheFeaturesOfTheRun(t *testing.T) {
	t.Parallel()
	long(t)
	snippet, python := torchSnippet(t), pythonWithTorchvision(t)
	for _, stem := range []string{"cifar", "imagenet"} {
		t.Run(stem, func(t *testing.T) {
			dir, run := pictures(t, 2), filepath.Join(t.TempDir(), "run")
			file := filepath.Join(run, "backbone.safetensors")
			ok(t, "pretrain", "--data", dir, "--out", run, "--method", "simclr", "--arch", "resnet18", "--size", "32", "--stem", stem, "--batch", "4", "--epochs", "1", "--eval-every", "0")
			ok(t, "export", "--run", run, "--out", file)
			images, features := deviceFeatures(t, run, "")
			photo := filepath.Join(dir, "ash", "0.png")
			checkPreparation(t, python, run, photo, features, 1e-3)
			large := filepath.Join(t.TempDir(), "large.png")
			writeWaves(t, large, 150, 110)
			_, ofLarge := deviceFeatures(t, run, filepath.Dir(large))
			checkPreparation(t, python, run, large, ofLarge, 1e-2)

			code := snippet
			for name, path := range map[string]string{"backbone.safetensors": file, "photo.jpg": photo} {
				if code = strings.ReplaceAll(code, name, path); !strings.Contains(code, path) {
					t.Fatalf("the snippet does not read %s", name)
				}
			}
			input, err := binary.Append(nil, binary.LittleEndian, images)
			if err != nil {
				t.Fatal(err)
			}
			command := exec.Command(python, "-c", safetensors+code+printFeatures)
			command.Stdin, command.Stderr = strings.NewReader(string(input)), os.Stderr
			out, err := command.Output()
			if err != nil {
				t.Fatalf("%v:\n%s", err, code)
			}
			var got struct{ Prepared, Features []float32 }
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if d := largestDifference(t, got.Features, features); d > 1e-4 {
				t.Errorf("features differ by %g, want at most 1e-4", d)
			}
			// The images are small enough to be stored unresized. PIL resizes in two passes and rounds each to 8 bits; the standard deviation of these images is above 0.1.
			if d := largestDifference(t, got.Prepared, images[:len(got.Prepared)]); d > 1.5/255/0.1 {
				t.Errorf("the prepared image differs by %g, want at most 1.5/255 of the range of a pixel", d)
			}
		})
	}
}

// checkPreparation prepares a photograph by the Python code of export/README.md with nothing but the metadata of an ONNX file, and
// compares the features that runtimes compute from it by the same file with the device's.
func checkPreparation(t *testing.T, python, run, photo string, features []float32, tolerance float64) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backbone.onnx")
	ok(t, "export", "--run", run, "--out", file)
	model, err := export.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := json.Marshal(model.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	code := pythonBlocks(t, "../../export/README.md")[0]
	if !strings.Contains(code, "photo.jpg") {
		t.Fatalf("the first code of export/README.md prepares no photo.jpg:\n%s", code)
	}
	code = strings.ReplaceAll(code, "photo.jpg", photo)
	command := exec.Command(python, "-c", "import sys\nmeta = __import__('json').load(sys.stdin)\n"+code+"sys.stdout.buffer.write(x.astype('<f4').tobytes())\n")
	command.Stdin, command.Stderr = strings.NewReader(string(meta)), os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v:\n%s", err, code)
	}
	x := make([]float32, len(out)/4)
	if _, err := binary.Decode(out, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	present, _ := export.Runtimes()
	for _, r := range present {
		y, _, err := r.Run(raw, x, []int{1, 3, 32, 32})
		if err != nil {
			t.Fatal(err)
		}
		if d := largestDifference(t, y[0], features[:len(y[0])]); d > tolerance {
			t.Errorf("%s: the features of %s differ by %g, want at most %g", r.Name(), filepath.Base(photo), d, tolerance)
		}
	}
}

// writeWaves writes a smooth image as PNG.
func writeWaves(t *testing.T, path string, width, height int) {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			wave := func(a, b float64) uint8 { return uint8(128 + 120*math.Sin(a*float64(x)+b*float64(y))) }
			m.Set(x, y, color.RGBA{wave(0.2, 0.1), wave(0.05, 0.3), wave(0.1, -0.15), 255})
		}
	}
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, m), os.WriteFile(path, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// deviceFeatures returns images [N C H W] as the network of a run sees them, and their features. data "": the images of the run.
func deviceFeatures(t *testing.T, run, data string) (images, features []float32) {
	t.Helper()
	s, err := runSubject(run, "")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	x := exporter{dev: dev, s: s, data: data}
	set, err := x.images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	b, err := x.backbone()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Store.Free()
	samples, err := x.samples(t.Context(), b, set)
	if err != nil {
		t.Fatal(err)
	}
	return samples.Images, samples.Features
}

func largestDifference(t *testing.T, a, b []float32) (d float64) {
	t.Helper()
	if len(a) != len(b) || len(a) == 0 {
		t.Fatalf("%d numbers, want %d", len(a), len(b))
	}
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}
