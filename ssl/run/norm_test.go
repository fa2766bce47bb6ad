package run

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/eval"
)

// Each norm trains with a momentum encoder and is fine-tuned from the checkpoint.
func TestEveryNormTrainsResumesAndFinetunes(t *testing.T) {
	set := datatest.Noise(12, 16, 1)
	set.Labels, set.Classes = []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}, []string{"0", "1", "2"}
	norms := net.Norms
	if testing.Short() { // one with running statistics and one without
		norms = []string{"moving-mean", "group"}
	}
	for _, norm := range norms {
		t.Run(norm, func(t *testing.T) {
			c := runConfig()
			c.Method, c.Norm = "byol", norm
			c.Resolve(set)
			dir := t.TempDir()
			whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
			if err := pretrainOn(t, set, whole, c, false, 0); err != nil {
				t.Fatal(err)
			}
			if err := pretrainOn(t, set, run, c, false, 2); !errors.Is(err, ErrStopped) {
				t.Fatalf("%v, want ErrStopped", err)
			}
			if err := pretrainOn(t, set, run, c, true, 0); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content(t, run, CheckpointFile), content(t, whole, CheckpointFile)) {
				t.Error("the checkpoint differs from that of a run without a stop")
			}
			checkpoint, err := net.LoadCheckpoint(filepath.Join(run, CheckpointFile))
			if err != nil {
				t.Fatal(err)
			}
			inputs := eval.Inputs{Mean: checkpoint.Meta.Mean, Std: checkpoint.Meta.Std, Size: c.Size}
			f := eval.FinetuneConfig{Steps: 2, Batch: 6, LR: 1e-3, PerClass: 2, Draws: 1, Seed: 1}
			if _, err := eval.Finetune(t.Context(), device, eval.Network{Config: c.Config, Inputs: inputs, Start: eval.StartFromCheckpoint(checkpoint)}, set, set, f); err != nil {
				t.Error(err)
			}
		})
	}
}

// One notice gives the number of images. Norms that do not depend on other images of the batch, or that see enough images, cause none.
func TestBatchNormOverFewImagesIsReportedOnce(t *testing.T) {
	for _, x := range []struct {
		method, norm, head string
		batch, parts       int
		want               string
	}{{"simclr", "batch", "", 30, 2, "30"}, {"simclr", "batch", "", 32, 2, ""}, {"byol", "batch", "", 24, 3, "8"}, {"byol", "group", "", 8, 1, ""}, {"byol", "none", "batch", 8, 1, "8"},
		{"byol", "mean", "", 8, 1, "8"}, {"byol", "moving-mean", "", 8, 1, ""}} {
		c := smallConfig()
		c.Method, c.Norm, c.HeadNorm, c.Batch, c.Accumulate, c.Epochs = x.method, x.norm, x.head, x.batch, x.parts, 1
		m, err := ssl.New(x.method)
		if err != nil {
			t.Fatal(err)
		}
		var reported []string
		r := &Run{Dir: t.TempDir(), Config: c, Method: m, Set: datatest.Noise(64, 16, 1), Notice: func(format string, args ...any) {
			if text := fmt.Sprintf(format, args...); strings.HasPrefix(text, "batch norm sees") {
				reported = append(reported, strings.Fields(text)[4])
			}
		}}
		done, err := r.Pretrain(t.Context(), device)
		if err != nil {
			t.Fatal(err)
		}
		done.Free()
		if strings.Join(reported, " ") != x.want {
			t.Errorf("%+v: reported of %v", x, reported)
		}
	}
}
