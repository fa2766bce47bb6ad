package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/export/ort"
)

// pictureRun returns a run on pictures32 that tests share, with its exported files.
func pictureRun(t *testing.T) (run string, files []string) {
	t.Helper()
	run, _ = trainedOn(t, pictures32(t), "--size", "16", "--epochs", "1")
	return run, exported(t, run)
}

// foreign writes an ONNX file whose weights have names of their own, and images with a fixed batch (0: any). change may be nil.
func foreign(t *testing.T, from string, batch int, change func(*export.Model)) string {
	t.Helper()
	m, err := export.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	renamed := map[string]string{}
	for i := range m.Initializers {
		renamed[m.Initializers[i].Name] = "onnx::" + m.Initializers[i].Name
		m.Initializers[i].Name = renamed[m.Initializers[i].Name]
	}
	for _, n := range m.Nodes {
		for i, input := range n.Inputs {
			if name, ok := renamed[input]; ok {
				n.Inputs[i] = name
			}
		}
	}
	m.Inputs[0].Dims[0].Size = batch
	if batch > 0 {
		m.Inputs[0].Dims[0].Symbol, m.Outputs[0].Dims[0] = "", export.Dim{Size: batch}
	}
	delete(m.Metadata, "marr.arch") // the file's graph describes the network
	if change != nil {
		change(m)
	}
	path := filepath.Join(t.TempDir(), "foreign.onnx")
	if err := export.WriteFile(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// withoutModel removes what differs between a run and its files.
func withoutModel(numbers map[string]any) map[string]any {
	maps.DeleteFunc(numbers, func(key string, _ any) bool { return slices.Contains([]string{"model", "branch", "runtime"}, key) })
	return numbers
}

// Every protocol gives the same numbers for a run and for its exported files, whose weights have the same bits.
func TestExportedFilesAreEvaluatedAsTheirRun(t *testing.T) {
	t.Parallel()
	long(t)
	run, files := pictureRun(t)
	for _, args := range [][]string{{"knn"}, {"linear", "--draws", "2"}, {"linear", "--probe", "sgd", "--epochs", "2"}, {"finetune", "--draws", "1", "--per-class", "4"}} {
		want, _ := numbersOf(t, pictures32(t), append(args, "--run", run)...)
		for _, file := range files {
			got, said := numbersOf(t, pictures32(t), append(args, "--model", file)...)
			if !reflect.DeepEqual(withoutModel(got), withoutModel(want)) {
				t.Errorf("%v: %v of %s, %v of the run", args, got, file, want)
			}
			if !strings.Contains(said, "60 tensors taken for resnet10; images of 16 px are normalized with the mean and std of its metadata") {
				t.Errorf("said %q", said)
			}
		}
	}
}

// The features of ONNX Runtime differ from the device's by rounding, which changes no nearest neighbor of these images.
func TestForeignONNXFilesRunInONNXRuntime(t *testing.T) {
	t.Parallel()
	run, files := pictureRun(t)
	if _, err := ort.Open(); errors.As(err, new(*ort.NotPresentError)) {
		println("marr: the test of files in ONNX Runtime did not run:", err.Error())
		return
	}
	want, _ := numbersOf(t, pictures32(t), "knn", "--run", run)
	for _, batch := range []int{0, 7} {
		got, said := numbersOf(t, pictures32(t), "knn", "--model", foreign(t, files[0], batch, nil))
		if got["runtime"] != "ONNX Runtime" || !reflect.DeepEqual(withoutModel(got), withoutModel(want)) {
			t.Errorf("batch %d: %v, want %v in ONNX Runtime", batch, got, want)
		}
		if !strings.Contains(said, "it is evaluated in ONNX Runtime, on images of 16 px that are normalized with the mean and std of its metadata") {
			t.Errorf("said %q", said)
		}
	}
	got, said := numbersOf(t, pictures32(t), "linear", "--probe", "sgd", "--epochs", "1", "--model", foreign(t, files[0], 0, func(m *export.Model) { m.Metadata = nil }))
	if got["linear"] == nil || !strings.Contains(said, "on images of 224 px that are normalized with the mean and std of torchvision's ImageNet weights") {
		t.Errorf("without metadata: %v, said %q", got, said)
	}
	r := call(t, nil, "eval", "finetune", "--model", foreign(t, files[0], 0, nil), "--train", pictures32(t), "--test", pictures32(t))
	if r.status != 1 || !strings.Contains(r.err, "runs in ONNX Runtime, which cannot train") {
		t.Errorf("fine-tuning: status %d, said %q", r.status, r.err)
	}
}

// Graphs of one node, as other programs write them.
func TestONNXRuntimeChecksInputAndOutputOfAGraph(t *testing.T) {
	t.Parallel()
	if _, err := ort.Open(); errors.As(err, new(*ort.NotPresentError)) {
		println("marr: the test of graphs in ONNX Runtime did not run:", err.Error())
		return
	}
	image := export.Batch(3, 16, 16)
	for name, x := range map[string]struct {
		op     string
		input  []export.Dim
		output []export.Dim
		status int
		want   string
	}{
		"features of one position": {"GlobalAveragePool", image, export.Batch(3, 1, 1), 0, "kNN by cosine"},
		"any size":                 {"GlobalAveragePool", []export.Dim{{Symbol: "N"}, {Size: 3}, {Symbol: "h"}, {Symbol: "w"}}, export.Batch(3, 1, 1), 0, "on images of 16 px"},
		"a feature map":            {"Relu", image, image, 1, "its first output has the dims [32 3 16 16] for 32 images: want features, [N D] or [N D 1 1]"},
		"channels last":            {"Relu", export.Batch(16, 16, 3), export.Batch(16, 16, 3), 1, "its input has the dims [-1 16 16 3]: want [N 3 16 16]"},
		"gray":                     {"Relu", export.Batch(1, 16, 16), export.Batch(1, 16, 16), 1, "its input has the dims [-1 1 16 16]: want [N 3 16 16]"},
		"no images":                {"Relu", export.Batch(5), export.Batch(5), 1, "its input has the dims [-1 5]: want images, [N C H W]"},
	} {
		path := filepath.Join(t.TempDir(), "graph.onnx")
		err := export.WriteFile(path, &export.Model{Inputs: []export.Value{{Name: "x", Type: export.Float32, Dims: x.input}},
			Outputs: []export.Value{{Name: "y", Type: export.Float32, Dims: x.output}}, Nodes: []export.Node{{Op: x.op, Name: "n", Inputs: []string{"x"}, Outputs: []string{"y"}}}})
		if err != nil {
			t.Fatal(err)
		}
		r := call(t, nil, "eval", "knn", "--model", path, "--size", "16", "--train", pictures32(t), "--test", pictures32(t))
		if r.status != x.status || !strings.Contains(r.out+r.err, x.want) {
			t.Errorf("%s: status %d, said %q and %q, want %d and %q", name, r.status, r.out, r.err, x.status, x.want)
		}
	}
}

func TestModelsThatCannotBeEvaluatedAreRefused(t *testing.T) {
	t.Parallel()
	run, files := pictureRun(t)
	set, dir := pictures32(t), t.TempDir()
	other := filepath.Join(dir, "other.safetensors")
	raw, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, []byte(strings.Replace(string(raw), `"bn1.bias"`, `"bn1.bibs"`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	noLibrary := []string{ort.LibEnv + "=" + filepath.Join(dir, "none.so")}
	for name, x := range map[string]struct {
		status int
		env    []string
		args   []string
		want   string
	}{
		"unknown word":          {2, nil, []string{"knn", "--model", "wild"}, "--model wild: give random, raw, or a file that ends in .onnx or .safetensors"},
		"missing file":          {1, nil, []string{"knn", "--model", filepath.Join(dir, "no.onnx")}, "no.onnx: " + noFile},
		"other tensors":         {1, nil, []string{"knn", "--model", other}, "it lacks bn1.bias"},
		"other architecture":    {2, nil, []string{"knn", "--model", files[0], "--arch", "resnet18"}, "holds a resnet10: omit --arch"},
		"too small":             {2, nil, []string{"knn", "--model", files[0], "--size", "4"}, "too small"},
		"another norm":          {2, nil, []string{"knn", "--model", files[0], "--norm", "group"}, "--norm: a file has its own"},
		"seed of pixels":        {2, nil, []string{"knn", "--model", "raw", "--seed", "2"}, "--seed: pixels have no network"},
		"width of a run":        {2, nil, []string{"knn", "--run", run, "--width", "8"}, "--width: a run has its own network"},
		"no ONNX Runtime":       {1, noLibrary, []string{"knn", "--model", foreign(t, files[0], 0, nil)}, "are evaluated in ONNX Runtime: ONNX Runtime is not present"},
		"epochs of L-BFGS":      {2, nil, []string{"linear", "--model", files[0], "--epochs", "3"}, "--epochs: not a setting of --probe lbfgs"},
		"few labels with SGD":   {2, nil, []string{"linear", "--model", files[0], "--probe", "sgd", "--draws", "3"}, "--draws: not a setting of --probe sgd"},
		"unknown probe":         {2, nil, []string{"linear", "--model", files[0], "--probe", "svm"}, "known are lbfgs, sgd"},
		"fine-tuning of pixels": {2, nil, []string{"finetune", "--model", "raw"}, "--model raw: pixels cannot be fine-tuned"},
	} {
		if r := call(t, x.env, append([]string{"eval", x.args[0], "--train", set, "--test", set}, x.args[1:]...)...); r.status != x.status || !strings.Contains(r.err, x.want) {
			t.Errorf("%s: status %d, said %q, want %d and %q", name, r.status, r.err, x.status, x.want)
		}
	}
}

func TestSGDProbeStatesItsProtocol(t *testing.T) {
	t.Parallel()
	got, _ := numbersOf(t, pictures32(t), "linear", "--probe", "sgd", "--epochs", "2", "--size", "16")
	if rates, ok := got["rates"].([]any); !ok || len(rates) != 8 || got["probe"] != "sgd" || got["epochs"] != 2. || got["held_out"] != 2. || got["rate"] == nil {
		t.Errorf("%v, want 8 rates, 2 epochs and 2 images held out", got)
	}
	r := call(t, nil, "eval", "linear", "--probe", "sgd", "--epochs", "1", "--model", "raw", "--train", pictures32(t), "--test", pictures32(t))
	for _, want := range []string{"SGD with momentum 0.9", "batches of 32", "cosine over 1 epoch", "the best of 8 from 0.01 to 30 on 2 training images held out"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("printed %q, want %q in it", r.out, want)
		}
	}
}
