package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The second seed has not started when the command is killed, so the backbone is needed again.
func TestFineTuningResumesWithOnlyTheFolder(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	dir := t.TempDir()
	views := filepath.Join(dir, "views.toml")
	if err := os.WriteFile(views, []byte("[[view]]\nsize = 12\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	args := func(out string) []string {
		return finetune(set, out, "--run", run, "--labels-per-class", "8", "--test", set, "--seeds", "2", "--baseline", "--freeze", "--head-hidden", "5",
			"--warmup-epochs", "2", "--size", "12", "--views", views, "--epochs", "12")
	}
	ok(t, args(whole)...)
	stopAfter(t, 21, syscall.SIGKILL, args(broken)) // after the checkpoint of step 20, and well before the end
	if err := os.Remove(views); err != nil {
		t.Fatal(err)
	}
	said := ok(t, "finetune", "--resume", "--out", broken)
	if !strings.Contains(said, "12 epochs of 2 steps, from step 20") {
		t.Errorf("said %q, want one that continues", said)
	}
	for _, name := range []string{"", "seed2", "scratch-seed1", "scratch-seed2"} {
		sameFile(t, filepath.Join(whole, name), filepath.Join(broken, name), "checkpoint.ckpt")
		sameFile(t, filepath.Join(whole, name), filepath.Join(broken, name), "config.toml")
	}
	sameFile(t, whole, broken, classifierFile)
	sameFile(t, whole, broken, resultsFile)
}

func TestResumedFineTuningRefusesWhatItIsNot(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	out := filepath.Join(t.TempDir(), "run")
	ok(t, finetune(set, out, "--run", run, "--epochs", "1")...)
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{1, "--labels-per-class 3: it was started with all: leave --labels-per-class out", []string{"--labels-per-class", "3"}},
		{1, "it was started without --test, and some of its images were held out: leave --test out", []string{"--test", set}},
		{1, "--lr 0.3: it was started with 0.01: leave --lr out", []string{"--lr", "0.3"}},
		{1, "--freeze true: it was started with false: leave --freeze out", []string{"--freeze"}},
		{1, "--epochs 7: it was started with 1: ", []string{"--epochs", "7"}},
		{1, "--size 8: it was started with 16: leave --size out", []string{"--size", "8"}},
		{1, "give their new path with --train", []string{"--train", filepath.Join(set, "none")}},
		{1, "it is a run of marr pretrain: use marr pretrain --resume", []string{"--out", run}},
	} {
		r := call(t, nil, append([]string{"finetune", "--resume", "--out", out}, c.args...)...)
		if r.status != c.status || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: status %d, said %q, want %d and %q", c.args, r.status, r.err, c.status, c.want)
		}
	}
	if r := call(t, nil, "pretrain", "--resume", "--out", out); r.status != 1 || !strings.Contains(r.err, "it is a run of marr finetune: use marr finetune --resume") {
		t.Errorf("pretrain: status %d, said %q", r.status, r.err)
	}
	if r := call(t, nil, "finetune", "--resume", "--out", out, "--time", "5m", "--seeds", "2"); r.status != 0 || !strings.Contains(r.err, "--time is ignored") {
		t.Errorf("--time, and one more seed: status %d, said %q", r.status, r.err)
	}
	if r := results(t, out); len(r.FineTuned.Seeds) != 2 {
		t.Errorf("results.json has %+v, want two seeds", r)
	}
}
