package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// toy is a backbone that is not a ResNet: patches, two linear layers on each of them, the mean over patches.
type toy struct {
	Patch    int `flag:"toy-patch" help:"side of a patch of the toy backbone, in pixels" want:"at least 1"`
	Features int `flag:"features" help:"width of the toy backbone" want:"at least 1"`
}

func init() { net.Register("toy", "a backbone of tests", &toy{Patch: 4, Features: 12}) }

func (*toy) Resolve(int)        {}
func (*toy) Check() error       { return nil }
func (b *toy) MinSize() int     { return b.Patch }
func (b *toy) Dim() int         { return b.Features }
func (*toy) ParamNames() string { return "" }

func (b *toy) New(s net.BackboneScope) net.Network {
	return &toyNetwork{s.Conv("patches", s.Channels, b.Features, b.Patch, b.Patch, 0), s.Conv("linear1", b.Features, b.Features, 1, 1, 0),
		s.Conv("linear2", b.Features, b.Features, 1, 1, 0)}
}

type toyNetwork struct{ patches, linear1, linear2 net.Conv2d }

func (n *toyNetwork) Map(x *kernels.Tensor, m net.Mode) *kernels.Tensor {
	x = kernels.ReLU(n.linear1.Forward(n.patches.Forward(x, m), m))
	return kernels.ReLU(n.linear2.Forward(x, m))
}

func (*toyNetwork) Pool(x *kernels.Tensor, _ net.Mode) *kernels.Tensor {
	return kernels.GlobalAvgPool(x)
}

// A backbone is one registered type: it pre-trains with every method, resumes, is measured, fine-tuned, exported and verified without another edit. The short
// run has one method of each kind.
func TestARegisteredBackboneWorksEverywhere(t *testing.T) {
	t.Parallel()
	set := images(t, 64)
	methods := ssl.Methods()
	if testing.Short() {
		methods = []string{"dino", "distill", "mae"}
	}
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := func(run string, more ...string) []string {
				if method == "distill" {
					more = append(more, "--teacher", features(t, datatest.Numbers(64*5), 64, 5))
				}
				return append([]string{"pretrain", "--data", set, "--out", filepath.Join(dir, run), "--method", method, "--arch", "toy", "--toy-patch", "2", "--features", "8",
					"--size", "16", "--batch", "16", "--epochs", "2", "--eval-every", "0"}, more...)
			}
			if m, err := ssl.New(method); err != nil {
				t.Fatal(err)
			} else if _, ok := m.(ssl.NetworkChooser); ok {
				if r := call(t, nil, args("run")...); r.status != 2 || !strings.Contains(r.err, "--arch toy: mae needs a vision transformer") {
					t.Errorf("%s: status %d, said %q", method, r.status, r.err)
				}
				return
			}
			ok(t, args("run")...)
			run := filepath.Join(dir, "run")
			configHas(t, run, `arch = "toy" # flag`, "backbone.toy-patch = 2 # flag", "backbone.features = 8 # flag")
			for _, suffix := range []string{"onnx", "safetensors"} {
				file := filepath.Join(dir, "backbone."+suffix)
				if said := ok(t, "export", "--run", run, "--out", file, "--verify"); !strings.Contains(said, "output features [N 8]") {
					t.Errorf("export said %q", said)
				}
			}
			if method != "byol" { // once is enough
				return
			}
			long := []string{"--epochs", "12", "--seed", "2"}
			ok(t, args("whole", long...)...)
			stopAfter(t, 9, syscall.SIGKILL, args("killed", long...))
			ok(t, args("killed", append(long, "--resume")...)...)
			sameRun(t, filepath.Join(dir, "whole"), filepath.Join(dir, "killed"))
			for _, kind := range []string{"knn", "linear", "finetune"} {
				for _, model := range [][]string{{"--run", run}, {"--model", "random", "--arch", "toy", "--size", "16"}} {
					ok(t, append([]string{"eval", kind, "--train", set, "--test", set}, model...)...)
				}
			}
			ok(t, "eval", "knn", "--run", run, "--branch", net.Teacher, "--train", set, "--test", set)
		})
	}
	r := call(t, nil, small(set, filepath.Join(t.TempDir(), "x"), "--toy-patch", "2")...)
	if r.status != 2 || !strings.Contains(r.err, "--toy-patch: not a setting of resnet10") {
		t.Errorf("a setting of another architecture: status %d, said %q", r.status, r.err)
	}
	r = call(t, nil, "pretrain", "--data", set, "--out", filepath.Join(t.TempDir(), "x"), "--method", "simclr", "--arch", "toy", "--toy-patch", "33", "--size", "16", "--batch", "4")
	if want := "--size 16: too small for simclr: toy would see images of 16×16 pixels: set it to at least 33"; r.status != 2 || !strings.Contains(r.err, want) {
		t.Errorf("a patch larger than the images: status %d, said %q", r.status, r.err)
	}
}
