package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"marr/net"
)

// A vision transformer goes through every command. DINO's local crops and the evaluation at another size interpolate its positions; a run with stochastic
// depth that is killed resumes to the same bytes.
func TestVisionTransformersGoThroughTheWorkflow(t *testing.T) {
	t.Parallel()
	set, dir := pictures32(t), t.TempDir()
	args := func(method, run string, more ...string) []string {
		return append([]string{"pretrain", "--data", set, "--out", filepath.Join(dir, run), "--method", method, "--arch", "vit-tiny", "--embed-dim", "32", "--depth", "2",
			"--size", "16", "--batch", "16", "--epochs", "2", "--eval-every", "0"}, more...)
	}
	for _, method := range []string{"simclr", "dino"} {
		run := filepath.Join(dir, method)
		ok(t, args(method, method, "--drop-path", "0.3")...)
		configHas(t, run, `arch = "vit-tiny" # flag`, "backbone.patch = 4 # default", "backbone.grid = 4 # default", "backbone.heads = 1 # default", "backbone.drop-path = 0.3 # flag")
		for _, suffix := range []string{"onnx", "safetensors"} {
			file := filepath.Join(run, "backbone."+suffix)
			if said := ok(t, "export", "--run", run, "--out", file, "--verify"); !strings.Contains(said, "output features [N 32], parameter names of timm") {
				t.Errorf("export said %q", said)
			}
		}
		ok(t, "eval", "knn", "--run", run, "--train", set, "--test", set)
	}
	run := filepath.Join(dir, "dino")
	ok(t, "eval", "knn", "--run", run, "--branch", net.Teacher, "--train", set, "--test", set)

	long := []string{"--epochs", "12", "--seed", "2", "--drop-path", "0.3", "--accumulate", "2"}
	ok(t, args("simclr", "whole", long...)...)
	stopAfter(t, 9, syscall.SIGKILL, args("simclr", "killed", long...))
	ok(t, args("simclr", "killed", append(long, "--resume")...)...)
	sameRun(t, filepath.Join(dir, "whole"), filepath.Join(dir, "killed"))

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
