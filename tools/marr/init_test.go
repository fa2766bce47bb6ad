package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/net"
)

// exported returns the files of a run's backbone, one of each format.
func exported(t *testing.T, run string) []string {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for _, suffix := range []string{"onnx", "safetensors"} {
		file := filepath.Join(dir, "backbone."+suffix)
		ok(t, "export", "--run", run, "--out", file)
		files = append(files, file)
	}
	return files
}

// sameFile compares a file of two folders.
func sameFile(t *testing.T, a, b, name string) {
	t.Helper()
	x, err := os.ReadFile(filepath.Join(a, name))
	if err != nil {
		t.Fatal(err)
	}
	if y, err := os.ReadFile(filepath.Join(b, name)); err != nil || !bytes.Equal(x, y) {
		t.Errorf("%s of %s and %s differ (%v)", name, a, b, err)
	}
}

// fromWeights returns the command line of a run of 4 epochs of 8 steps that starts from weights. Its network, given by no flag, is theirs.
func fromWeights(set, out, init string, more ...string) []string {
	return append([]string{"pretrain", "--data", set, "--out", out, "--init", init, "--method", "byol", "--batch", "8", "--epochs", "4", "--lr", "1e-3", "--seed", "3"}, more...)
}

func TestPretrainingStartsAlikeFromARunAndFromItsFiles(t *testing.T) {
	t.Parallel()
	long(t)
	run, _ := trained(t)
	set, dir := images64(t), t.TempDir()
	first := filepath.Join(dir, "run")
	if said := ok(t, fromWeights(set, first, run)...); !strings.Contains(said, "starts from "+run+", branch online: its whole backbone for resnet10") {
		t.Errorf("said %q", said)
	}
	configHas(t, first, `arch = "resnet10" # init`, "backbone.width = 4 # init")
	for _, file := range exported(t, run) {
		out := filepath.Join(dir, filepath.Ext(file)[1:])
		if said := ok(t, fromWeights(set, out, file)...); !strings.Contains(said, " tensors taken for resnet10; images are normalized with the mean and std of its metadata") {
			t.Errorf("said %q", said)
		}
		sameRun(t, first, out)
	}
	other := filepath.Join(dir, "random")
	ok(t, small(set, other, "--method", "byol", "--seed", "3")...)
	x, err := os.ReadFile(filepath.Join(first, "checkpoint.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	if y, err := os.ReadFile(filepath.Join(other, "checkpoint.ckpt")); err != nil || bytes.Equal(x, y) {
		t.Errorf("a run from random weights is the same (%v)", err)
	}
}

func TestRunResumesWithoutTheFileThatItStartedFrom(t *testing.T) {
	t.Parallel()
	long(t)
	run, _ := trained(t)
	set, dir := images64(t), t.TempDir()
	file := exported(t, run)[1]
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	ok(t, fromWeights(set, whole, file)...)
	if status, said := stopAfter(t, 11, stopSignal, fromWeights(set, broken, file)); status != stopSignals[stopSignal] {
		t.Fatalf("status %d, said %q", status, said)
	}
	other := filepath.Join(dir, "other")
	ok(t, small(set, other, "--seed", "2", "--epochs", "1")...)
	r := call(t, nil, fromWeights(set, broken, other, "--resume")...)
	if r.status != 1 || !strings.Contains(r.err, "it was started from other weights") {
		t.Errorf("other weights: status %d, said %q", r.status, r.err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	ok(t, fromWeights(set, broken, file, "--resume")...)
	sameFile(t, whole, broken, "checkpoint.ckpt")
	sameFile(t, whole, broken, "metrics.jsonl")
}

// torchvisionFile writes an exported backbone as torchvision's weights are: without our metadata, with a classifier and counters of batches.
func torchvisionFile(t *testing.T, from string) string {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	blobs, _, err := net.DecodeSafetensors(raw)
	if err != nil {
		t.Fatal(err)
	}
	blobs = append(blobs, net.FromFloat32s("fc.weight", []int{3, 32}, make([]float32, 96)), net.FromFloat32s("fc.bias", []int{3}, make([]float32, 3)),
		net.Blob{Name: "bn1.num_batches_tracked", DType: "I64", Data: make([]byte, 8)})
	var b bytes.Buffer
	if err := net.EncodeSafetensors(&b, blobs, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "torchvision.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWeightsOfTorchvisionComeWithItsNormalization(t *testing.T) {
	t.Parallel()
	set := pictures32(t)
	run, _ := trainedOn(t, set, "--size", "16", "--epochs", "1")
	file, out := torchvisionFile(t, exported(t, run)[1]), filepath.Join(t.TempDir(), "run")
	args := fromWeights(set, out, file, "--size", "16", "--epochs", "1")
	if r := call(t, nil, args...); r.status != 1 || !strings.Contains(r.err, "give --stem") {
		t.Errorf("without a stem: status %d, said %q", r.status, r.err)
	}
	said := ok(t, append(args, "--stem", "strided")...)
	if want := "left out fc.bias, fc.weight, 1 counter of batches ignored for resnet10; images are normalized with the mean and std of torchvision's ImageNet weights"; !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	configHas(t, out, "init.mean = [0.485, 0.456, 0.406] # flag", "init.std = [0.229, 0.224, 0.225] # flag")
}

func TestWeightsOfAnotherNetworkAreRefused(t *testing.T) {
	t.Parallel()
	run, _ := trained(t)
	set, dir := images64(t), t.TempDir()
	file, out := exported(t, run)[0], filepath.Join(dir, "out")
	text := filepath.Join(dir, "weights.txt")
	if err := os.WriteFile(text, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{2, "--arch resnet18: the weights of " + file + " are those of a resnet10", fromWeights(set, out, file, "--arch", "resnet18")},
		{2, "the norm batch: omit --norm", fromWeights(set, out, file, "--norm", "group")},
		{1, "it holds bn1.bias [4], want [8]", fromWeights(set, out, file, "--width", "8")},
		{2, "--width 8: the network of " + run + " has 4: omit --width", fromWeights(set, out, run, "--width", "8")},
		{2, "--stem cifar: the network of " + run + " has strided: omit --stem", fromWeights(set, out, run, "--stem", "cifar")},
		{1, "give the folder of a run, or an .onnx or .safetensors file", fromWeights(set, out, filepath.Join(dir, "nothing"))},
		{2, "use .onnx or .safetensors", fromWeights(set, out, text)},
		{1, "the folder holds no run", fromWeights(set, out, dir)},
		{1, "begin a new one from its weights, in another folder, with --init " + run, small(set, run, "--resume", "--epochs", "9")},
	} {
		r := call(t, nil, c.args...)
		if r.status != c.status || !strings.Contains(r.err, c.want) || strings.Count(r.err, "marr: ") != 1 {
			t.Errorf("%v: status %d, said %q, want %d and %q", c.args, r.status, r.err, c.status, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused run left its folder")
	}
}
