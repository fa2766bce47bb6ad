package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/vk"
)

// pictures returns a folder of the test's own with n pictures a class.
func pictures(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	writePictures(t, dir, n)
	return dir
}

// writePictures writes n RGB images of different sizes in each of two class folders, and one broken file.
func writePictures(t *testing.T, dir string, n int) {
	t.Helper()
	src := rng.New(6)
	for class, name := range []string{"ash", "oak"} {
		for i := range n {
			m := image.NewRGBA(image.Rect(0, 0, 20+src.Intn(20), 20+src.Intn(20)))
			for p := range m.Bounds().Dx() * m.Bounds().Dy() {
				m.Set(p%m.Bounds().Dx(), p/m.Bounds().Dx(), color.RGBA{uint8(src.Intn(256)), uint8(200 * class), uint8(src.Intn(99)), 255})
			}
			path := filepath.Join(dir, name, fmt.Sprintf("%d.png", i))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, m); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "oak", "broken.jpg"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Each norm trains without a predictor, is exported, evaluated and fine-tuned.
func TestNormsGoThroughTheWorkflow(t *testing.T) {
	t.Parallel()
	norms := []string{"group", "layer", "mean"}
	if testing.Short() {
		norms = norms[:1]
	}
	for _, norm := range norms {
		dir, out := pictures32(t), filepath.Join(t.TempDir(), "run")
		ok(t, small(dir, out, "--size", "16", "--epochs", "1", "--method", "byol", "--no-predictor", "--norm", norm, "--head-norm", "none")...)
		for _, file := range []string{"backbone.onnx", "backbone.safetensors"} {
			path := filepath.Join(out, file)
			if said := ok(t, "export", "--run", out, "--out", path, "--verify"); !strings.Contains(said, "agrees with the device") && !strings.Contains(said, "bit for bit") {
				t.Errorf("%s: export printed %q", norm, said)
			}
		}
		m, err := export.ReadFile(filepath.Join(out, "backbone.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		if m.Metadata["marr.norm"] != norm {
			t.Errorf("metadata %v, want the norm %s", m.Metadata, norm)
		}
		ok(t, "eval", "knn", "--run", out, "--train", dir, "--test", dir)
		finetuneRun(t, out, dir)
		ok(t, "eval", "knn", "--model", "random", "--arch", "resnet10", "--width", "4", "--size", "16", "--norm", norm, "--train", dir, "--test", dir)
	}
}

func TestFolderOfRGBImagesTrainsEvaluatesAndExports(t *testing.T) {
	t.Parallel()
	long(t)
	dir := pictures32(t)
	out, r := trainedOn(t, dir, "--size", "16", "--epochs", "1")
	if !strings.Contains(r.err, "broken.jpg") {
		t.Errorf("stderr %q, want the broken image listed", r.err)
	}
	onnx := filepath.Join(t.TempDir(), "backbone.onnx")
	if said := ok(t, "export", "--run", out, "--out", onnx, "--verify"); !strings.Contains(said, "onnx-go agrees with the device on 32 images") {
		t.Errorf("export printed %q", said)
	}
	m, err := export.ReadFile(onnx)
	if err != nil {
		t.Fatal(err)
	}
	if m.Metadata["marr.size"] != "16" || m.Metadata["marr.method"] != "simclr" || m.Metadata["marr.dataset"] != dir || len(m.Metadata["marr.mean"]) < 10 {
		t.Errorf("metadata %v", m.Metadata)
	}
	if w, ok := m.Initializer("layer4.0.conv2.weight"); !ok || !slices.Equal(w.Dims, []int{32, 32, 3, 3}) {
		t.Errorf("layer4.0.conv2.weight: %v, want 32 32 3 3", w.Dims)
	}
	for protocol, keys := range map[string][]string{"knn": {"knn1", "knn20"}, "linear": {"linear", "linear10", "linear10_std"}, "finetune": {"finetune10"}} {
		for _, model := range [][]string{{"--run", out}, {"--model", "random", "--arch", "resnet10", "--width", "4", "--size", "16"}, {"--model", "raw"}} {
			if protocol == "finetune" && model[1] == "raw" {
				continue
			}
			said := ok(t, append([]string{"eval", protocol, "--train", dir, "--test", dir, "--json"}, model...)...)
			var got map[string]any
			if err := json.Unmarshal([]byte(said), &got); err != nil {
				t.Fatalf("%s of %v: %v: %s", protocol, model, err, said)
			}
			for _, k := range keys {
				if v, ok := got[k].(float64); !ok || v < 0 || v > 100 {
					t.Errorf("%s of %v: %s is %v", protocol, model, k, got[k])
				}
			}
		}
	}
}

// Every command builds the network from the architecture and stem that the run recorded.
func TestBottlenecksTrainEvaluateAndExport(t *testing.T) {
	t.Parallel()
	dir, out := pictures(t, 12), filepath.Join(t.TempDir(), "run")
	ok(t, small(dir, out, "--size", "17", "--epochs", "1", "--arch", "resnet50", "--stem", "imagenet", "--width", "2")...)
	onnx := filepath.Join(out, "backbone.onnx")
	said := ok(t, "export", "--run", out, "--out", onnx, "--verify")
	for _, want := range []string{"output features [N 64]", "onnx-go agrees with the device on 24 images"} {
		if !strings.Contains(said, want) {
			t.Errorf("export printed %q, want %q", said, want)
		}
	}
	m, err := export.ReadFile(onnx)
	if err != nil {
		t.Fatal(err)
	}
	if m.Metadata["marr.arch"] != "resnet50" || m.Metadata["marr.stem"] != "imagenet" {
		t.Errorf("metadata %v", m.Metadata)
	}
	if w, ok := m.Initializer("layer4.0.conv3.weight"); !ok || !slices.Equal(w.Dims, []int{64, 16, 1, 1}) {
		t.Errorf("layer4.0.conv3.weight: %v, want 64 16 1 1", w.Dims)
	}
	weights := filepath.Join(out, "backbone.safetensors")
	ok(t, "export", "--run", out, "--out", weights, "--verify")
	blobs, _ := decode(t, weights)
	if w, _ := m.Initializer("layer3.5.bn3.running_var"); len(w.Float32) != 32 || !slices.Equal(blobs["layer3.5.bn3.running_var"].Shape, []int{32}) {
		t.Errorf("layer3.5.bn3.running_var: %v in ONNX, %v in safetensors, want 32", w.Dims, blobs["layer3.5.bn3.running_var"].Shape)
	}
	ok(t, "eval", "knn", "--run", out, "--train", dir, "--test", dir)
	finetuneRun(t, out, dir)
}

// finetuneRun fine-tunes the backbone of a run as marr eval finetune does, for two steps: the command itself takes 120.
func finetuneRun(t *testing.T, run, set string) {
	t.Helper()
	s, err := runSubject(run, "")
	if err != nil {
		t.Fatal(err)
	}
	images, err := openSet(t.Context(), set, s.inputs.Size)
	if err != nil {
		t.Fatal(err)
	}
	defer images.Close()
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	f := eval.DefaultFinetuneConfig()
	f.Steps, f.Draws = 2, 1
	percent, err := eval.Finetune(t.Context(), dev, eval.Network{Config: s.config.Config, Inputs: s.inputs, Start: s.start}, images, images, f)
	if err != nil || percent < 0 || percent > 100 {
		t.Errorf("fine-tuned to %g %%, %v", percent, err)
	}
}

func TestDevicesPrintsJSON(t *testing.T) {
	t.Parallel()
	var all []map[string]any
	if err := json.Unmarshal([]byte(ok(t, "devices", "--json")), &all); err != nil || len(all) == 0 || all[0]["kernels"] == "" {
		t.Fatalf("%v, %v", all, err)
	}
}

func TestDeviceCheckPrintsAPageAndWritesAReport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "check.json")
	page := ok(t, "devices", "--check", "--filter", "^(relu|bias)$", "--json", path)
	for _, want := range []string{"ops       2 of 2 pass", "result    everything passed"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	var report map[string]any
	if err := bench.ReadJSON(path, &report); err != nil || report["num_ops"] != 2. || report["version"] == "" || report["device"] == nil {
		t.Errorf("%v, %v", report, err)
	}
	got := call(t, []string{"MARR_KERNELS=nope"}, "devices", "--check", "--filter", "^relu$")
	if want := "failed its check: relu: update its driver, or write a report with --json FILE"; got.status != 1 || !strings.Contains(got.err, want) {
		t.Errorf("status %d, want 1: %s", got.status, got.err)
	}
}

func TestNearestNeighborOfATrainingImageIsItself(t *testing.T) {
	t.Parallel()
	set := images64(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(ok(t, "eval", "knn", "--model", "raw", "--train", set, "--test", set, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got["knn1"] != 100. {
		t.Errorf("knn1 is %v, want 100", got["knn1"])
	}
}

// The demo runs with a smaller configuration. Scripts rely on the keys of its summary.
func TestDemoWritesTheSummary(t *testing.T) {
	t.Parallel()
	long(t)
	dir := t.TempDir()
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	d := demo{dir: dir, dev: dev, config: demoConfig()}
	d.config.Backbone, d.config.Epochs, d.config.Batch = map[string]any{"width": 2}, 1, 64
	for set, name := range map[**data.Set]string{&d.train: "builtin:fashion-placed", &d.test: "builtin:fashion-placed:test"} {
		if *set, err = data.Open(t.Context(), name, data.Options{}); err != nil {
			t.Fatal(err)
		}
		*set = (*set).Limit(256)
	}
	if err := d.run(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	keys := func(at map[string]any, want ...string) {
		t.Helper()
		for _, k := range want {
			if _, ok := at[k]; !ok {
				t.Errorf("summary lacks %s: %s", k, raw)
			}
		}
		if len(at) != len(want) {
			t.Errorf("summary has %d keys, want %v: %s", len(at), want, raw)
		}
	}
	keys(got, "device", "method", "arch", "dataset", "images", "epochs", "batch", "seed", "seconds", "images_per_second", "eval", "onnx", "report")
	rows := got["eval"].(map[string]any)
	keys(rows, "raw", "random", "pretrained")
	row := []string{"knn1", "knn20", "linear", "linear10", "linear10_std"}
	keys(rows["raw"].(map[string]any), row...)
	for _, k := range []string{"random", "pretrained"} {
		keys(rows[k].(map[string]any), append(row, "finetune10", "finetune10_n")...)
	}
	if html, err := os.ReadFile(got["report"].(string)); err != nil || !strings.Contains(string(html), "<h3>Nearest neighbors</h3>") || !strings.Contains(string(html), "Accuracy on test images") {
		t.Errorf("%v: the report lacks pictures or the table", err)
	}
	keys(got["onnx"].(map[string]any), "path", "max_abs_diff", "cosine_min", "checked_by")
	if speed := d.summary.ImagesPerSecond * d.summary.Seconds; speed < 256 {
		t.Errorf("%g images per second in %g s, want more than 256 images", d.summary.ImagesPerSecond, d.summary.Seconds)
	}
	if err := d.pretrain(t.Context(), true); err != nil || d.summary.ImagesPerSecond != 0 {
		t.Errorf("resumed after its end: %g images per second, %v, want 0 because nothing was trained", d.summary.ImagesPerSecond, err)
	}
}

func TestCompiledKernelsAreCachedBetweenCalls(t *testing.T) {
	t.Parallel()
	const train, set = "builtin:fashion-placed:test", "builtin:fashion:test" // they have no cache of decoded images
	dir := t.TempDir()
	eval := []string{"eval", "knn", "--model", "random", "--arch", "resnet10", "--width", "4", "--train", train, "--test", set}
	r := call(t, []string{"MARR_CACHE=" + dir}, eval...)
	kept, err := filepath.Glob(filepath.Join(dir, "pipelines-*.bin"))
	if r.status != 0 || r.err != "" || len(kept) != 1 || err != nil {
		t.Fatalf("status %d, %q, cached %v", r.status, r.err, kept)
	}
	r = call(t, []string{"MARR_CACHE=" + kept[0]}, eval...) // a file, not a folder
	if r.status != 0 || !strings.HasPrefix(r.err, "marr: pipeline cache ") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("status %d, %q, want one warning", r.status, r.err)
	}
}
