package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/net"
)

// smallTransformer returns the command line of two epochs of two steps.
func smallTransformer(set, out string, more ...string) []string {
	return append([]string{"pretrain", "--data", set, "--out", out, "--arch", "vit-tiny", "--embed-dim", "32", "--depth", "2", "--size", "16", "--batch", "16",
		"--epochs", "2", "--eval-every", "0"}, more...)
}

// A vision transformer goes through every command. DINO's local crops and the evaluation at another size interpolate its positions.
func TestVisionTransformersGoThroughTheWorkflow(t *testing.T) {
	t.Parallel()
	long(t)
	set, dir := pictures32(t), t.TempDir()
	for _, method := range []string{"simclr", "dino"} {
		run := filepath.Join(dir, method)
		ok(t, smallTransformer(set, run, "--method", method, "--drop-path", "0.3")...)
		configHas(t, run, `arch = "vit-tiny" # flag`, "backbone.patch = 4 # default", "backbone.grid = 4 # default", "backbone.heads = 1 # default", "backbone.drop-path = 0.3 # flag")
		for _, suffix := range []string{"onnx", "safetensors"} {
			file := filepath.Join(run, "backbone."+suffix)
			if said := ok(t, "export", "--run", run, "--out", file, "--verify"); !strings.Contains(said, "output features [N 32], parameter names of timm") {
				t.Errorf("export said %q", said)
			}
		}
		if r := call(t, nil, "export", "--run", run, "--out", filepath.Join(run, "any.onnx"), "--any-size"); r.status != 1 || !strings.Contains(r.err, "because of its positions") {
			t.Errorf("export --any-size of a vision transformer: status %d, said %q", r.status, r.err)
		}
		dense := filepath.Join(run, "dense.onnx")
		said := ok(t, "export", "--run", run, "--out", dense, "--dense", "--opset", "13", "--verify")
		for _, want := range []string{"output features [N 32] and tokens [N 17 32]", "onnx-go agrees with the device on features of ", "onnx-go agrees with the device on tokens of "} {
			if !strings.Contains(said, want) {
				t.Errorf("export --dense said %q, want %q", said, want)
			}
		}
		if m, err := export.ReadFile(dense); err != nil || m.Metadata["marr.outputs"] != `["features","tokens"]` || m.Opset != 13 {
			t.Errorf("%v, metadata %v of opset %d", err, m.Metadata, m.Opset)
		}
		ok(t, "eval", "knn", "--run", run, "--train", set, "--test", set)
	}
	run := filepath.Join(dir, "dino")
	ok(t, "eval", "knn", "--run", run, "--branch", net.Teacher, "--train", set, "--test", set)

	classes := filepath.Join(dir, "classes")
	if said := ok(t, finetune(set, classes, "--run", run, "--drop-path", "0.1")...); !strings.Contains(said, "onnx-go agrees with the device") {
		t.Errorf("finetune said %q", said)
	}
	configHas(t, classes, "backbone.drop-path = 0.1 # flag", "backbone.depth = 2 # init") // a setting of the training
	if r := call(t, nil, finetune(set, filepath.Join(dir, "deeper"), "--run", run, "--depth", "3")...); r.status != 2 || !strings.Contains(r.err, "has 2: omit --depth") {
		t.Errorf("another depth: status %d, said %q", r.status, r.err)
	}
	if said := ok(t, "predict", "--model", filepath.Join(classes, classifierFile), "--data", set); strings.Count(said, "\n") != 33 {
		t.Errorf("predict said %q, want a header and 32 lines", said)
	}
	ok(t, "pretrain", "--data", set, "--out", filepath.Join(dir, "from"), "--method", "rotation", "--init", filepath.Join(run, "backbone.safetensors"),
		"--batch", "16", "--epochs", "1", "--eval-every", "0")
}

// Stochastic depth draws the same numbers after a kill, in each part of a batch and in both forward passes of a gradient cache.
func TestKilledTransformerWithStochasticDepthResumesToTheSameBytes(t *testing.T) {
	long(t)
	t.Parallel()
	set, dir := pictures32(t), t.TempDir()
	whole, killed := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	args := func(out string, more ...string) []string {
		return smallTransformer(set, out, append([]string{"--method", "simclr", "--epochs", "12", "--seed", "2", "--drop-path", "0.3", "--accumulate", "2"}, more...)...)
	}
	ok(t, args(whole)...)
	stopAfter(t, 22, syscall.SIGKILL, args(killed))
	if said := ok(t, args(killed, "--resume")...); !strings.Contains(said, ", from step 20") {
		t.Errorf("said %q, want one that continues", said)
	}
	sameRun(t, whole, killed)
}

// Without --arch, mae takes a vision transformer. Its fixed positions are in the files, and a sheet shows what its network draws.
func TestMaskedAutoencoderGoesThroughTheWorkflow(t *testing.T) {
	t.Parallel()
	set, dir := pictures32(t), t.TempDir()
	args := func(out string, more ...string) []string {
		return append([]string{"pretrain", "--data", set, "--out", filepath.Join(dir, out), "--method", "mae", "--size", "16", "--batch", "16", "--epochs", "2", "--eval-every", "0"}, more...)
	}
	run, sheet := filepath.Join(dir, "run"), filepath.Join(dir, "sheet.png")
	ok(t, args("run", "--embed-dim", "32", "--depth", "1")...)
	configHas(t, run, `arch = "vit-tiny" # automatic`, `backbone.pool = "mean" # automatic`, `backbone.positions = "sincos" # automatic`, "backbone.xavier = true # automatic",
		"beta2 = 0.95 # automatic", "weight_decay = 0.05 # automatic", "options.decoder-dim = 32 # automatic")
	for _, suffix := range []string{"onnx", "safetensors"} {
		ok(t, "export", "--run", run, "--out", filepath.Join(dir, "backbone."+suffix), "--verify")
	}
	blobs, _ := decode(t, filepath.Join(dir, "backbone.safetensors"))
	if _, decoder := blobs["mask_token"]; len(blobs["pos_embed"].Data) != 4*17*32 || decoder {
		t.Errorf("%d bytes of positions; the decoder is exported: %t", len(blobs["pos_embed"].Data), decoder)
	}
	want := "3 images, each with its visible patches and what the network of step 4 draws in the others, seed 1"
	if said := ok(t, "views", "--run", run, "--images", "3", "--out", sheet); !strings.Contains(said, want) {
		t.Errorf("views said %q, want %q", said, want)
	}
	if said := ok(t, "views", "--method", "mae", "--data", set, "--images", "3", "--out", sheet); !strings.Contains(said, "3 images, 1 view of each") {
		t.Errorf("views said %q", said)
	}
	if said := ok(t, finetune(set, filepath.Join(dir, "classes"), "--run", run, "--positions", "learned")...); !strings.Contains(said, "onnx-go agrees with the device") {
		t.Errorf("finetune said %q", said)
	}
	for _, x := range []struct{ want, flag, value string }{
		{"--arch resnet10: mae needs a vision transformer", "--arch", "resnet10"},
		{"leaves 0 of 4 patches visible", "--mask-ratio", "0.9"},
		{"--patch: not a setting of", "--patch", "8"},
	} {
		more := []string{x.flag, x.value}
		switch x.flag {
		case "--mask-ratio":
			more = append(more, "--patch", "8", "--embed-dim", "32", "--depth", "1")
		case "--patch":
			more = append(more, "--arch", "resnet10")
		}
		if r := call(t, nil, args("refused", more...)...); r.status == 0 || !strings.Contains(r.err, x.want) {
			t.Errorf("%v: status %d, said %q, want %q", more, r.status, r.err, x.want)
		}
	}
}
