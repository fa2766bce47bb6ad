package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export/ort"
	"github.com/marr-ssl/marr/net"
)

func TestSafetensorsHoldOnlyTheBackboneInPyTorchsLayout(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "backbone.safetensors")
	run, _ := trainedOn(t, pictures32(t), "--size", "16", "--epochs", "1")
	if said := ok(t, "export", "--run", run, "--out", out, "--verify"); !strings.Contains(said, "60 tensors equal the run's, bit for bit") {
		t.Errorf("export printed %q", said)
	}
	blobs, about := decode(t, out)
	saved, _ := decode(t, filepath.Join(run, "checkpoint.ckpt"))
	if about["marr.arch"] != "resnet10" || about["marr.channels"] != "3" || about["marr.size"] != "16" || about["marr.mean"] == "" {
		t.Errorf("metadata %v", about)
	}
	if w := blobs["conv1.weight"]; !slices.Equal(w.Shape, []int{4, 3, 3, 3}) {
		t.Errorf("conv1.weight is %v, want 4 3 3 3", w.Shape)
	}
	for _, name := range []string{"layer4.0.downsample.1.running_var", "layer2.0.conv1.weight", "bn1.bias"} {
		if b, ok := blobs[name]; !ok || !slices.Equal(b.Data, saved[net.BackbonePrefix+name].Data) {
			t.Errorf("%s differs from the checkpoint", name)
		}
	}
	for name := range blobs {
		if strings.HasPrefix(name, "projector.") || strings.HasPrefix(name, "optimizer.") {
			t.Errorf("%s is not part of the backbone", name)
		}
	}
}

// decode returns the tensors of a safetensors file by name, and its metadata.
func decode(t *testing.T, path string) (map[string]net.Blob, map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blobs, about, err := net.DecodeSafetensors(raw)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]net.Blob{}
	for _, b := range blobs {
		byName[b.Name] = b
	}
	return byName, about
}

// The images of a verification may lie elsewhere now. The file names those of the training.
func TestImagesOfAVerificationDoNotChangeTheFile(t *testing.T) {
	t.Parallel()
	run, _ := trained(t)
	dir := t.TempDir()
	if said := ok(t, "export", "--run", run, "--out", filepath.Join(dir, "own.onnx"), "--verify"); !strings.Contains(said, "input image [N 1 height width]") {
		t.Errorf("said %q, want a file for any size", said)
	}
	none := ort.LibEnv + "=" + filepath.Join(dir, "none.so")
	r := call(t, []string{none}, "export", "--run", run, "--out", filepath.Join(dir, "other.onnx"), "--verify", "--data", "builtin:fashion:test")
	if want := "not verified with ONNX Runtime: ONNX Runtime is not present: "; r.status != 0 || !strings.Contains(r.out, want) {
		t.Errorf("without ONNX Runtime: status %d, said %q, want %q", r.status, r.out, want)
	}
	var files [2][]byte
	for i, name := range []string{"own.onnx", "other.onnx"} {
		var err error
		if files[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the files differ")
	}
	if said := ok(t, "export", "--run", run, "--out", filepath.Join(dir, "fixed.onnx"), "--any-size=false"); !strings.Contains(said, "input image [N 1 16 16]") {
		t.Errorf("said %q, want a file for one size", said)
	}
	r = call(t, nil, "export", "--run", run, "--out", filepath.Join(dir, "none.onnx"), "--verify", "--data", filepath.Join(dir, "none"))
	if r.status != 1 || !strings.Contains(r.err, "name others with --data, or omit --verify") {
		t.Errorf("images that are missing: status %d, said %q", r.status, r.err)
	}
}
