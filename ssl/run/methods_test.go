package run

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// The checkpoint holds averages, centers, queues and the running statistics of momentum encoders. SwAV has a queue here, in use before the stop, and DINO has KoLeo. The resumed run is eager and ends with the same bytes.
func TestEveryMethodResumesToTheSameBytes(t *testing.T) {
	set := datatest.Noise(12, 32, 1)
	set.Labels, set.Classes = []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, -1}, []string{"0", "1", "2"}
	set.Clips = []data.Clip{{Name: "a", First: 0, N: 3}, {Name: "b", First: 3, N: 3}, {Name: "c", First: 6, N: 3}, {Name: "d", First: 9, N: 3}}
	methods := ssl.Methods()
	if testing.Short() { // those with all kinds of state
		methods = []string{"dino", "swav"}
	}
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			c := runConfig()
			c.Method, c.Batch, c.Epochs = method, 2, 3
			dir := t.TempDir()
			whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
			set := set
			if method != "order" {
				set = set.Limit(8)
			}
			m, err := ssl.New(method)
			if err != nil {
				t.Fatal(err)
			}
			setNetwork(&c, m)
			switch m := m.(type) {
			case *ssl.SwAV:
				m.Queue, m.QueueStart = 4, 0
			case *ssl.DINO:
				m.KoLeo = 0.1
			}
			if err := pretrainMethod(t, m, set, whole, c, false, 0); err != nil {
				t.Fatal(err)
			}
			if err := pretrainMethod(t, m, set, run, c, false, 3); !errors.Is(err, ErrStopped) {
				t.Fatalf("%v, want ErrStopped", err)
			}
			vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = true })
			if err := pretrainMethod(t, m, set, run, c, true, 0); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content(t, run, CheckpointFile), content(t, whole, CheckpointFile)) {
				t.Error("the checkpoint differs from that of a run without a stop")
			}
		})
	}
}

// They are refused before the first step.
func TestMethodsRefuseViewsThatTheyCannotUse(t *testing.T) {
	for method, recipe := range map[string]string{
		"simclr": "from = \"mae\"", "byol": "from = \"dino\"", "simsiam": "[[view]]\n[[view]]\n[[view]]\n", "rotation": "from = \"supervised\"",
		"mocov2": "from = \"swav\"", "mocov3": "from = \"dino\"", "nnclr": "from = \"mae\"", "swav": "from = \"jigsaw\"",
		"lejepa": "from = \"mae\"", "visreg": "from = \"jigsaw\"", "jigsaw": "from = \"simclr\"", "barlow": "from = \"dino\"", "vicreg": "[[view]]\n[[view]]\n[[view]]\n", "dino": "from = \"rotation\"", "supervised": "",
		"mae":  "from = \"simclr\"",
		"diet": "from = \"simclr\"", "distill": "from = \"jigsaw\"",
	} {
		c := smallConfig()
		c.Method, c.Size = method, 32
		set := datatest.Noise(16, 32, 1)
		m, err := ssl.New(method)
		if err != nil {
			t.Fatal(err)
		}
		setNetwork(&c, m)
		if err := c.SetViews(recipe, m, set); err != nil {
			t.Errorf("%s: %v", method, err)
			continue
		}
		r := &Run{Dir: t.TempDir(), Config: c, Method: taught(m, set), Set: set, Views: c.Views}
		if x, err := r.Pretrain(t.Context(), device); err == nil {
			x.Free()
			t.Errorf("%s trained on %s", method, fmt.Sprintf("%q", recipe))
		}
	}
}

func TestGradientCacheGivesTheSameBitsEagerlyAndResumed(t *testing.T) {
	c := runConfig()
	c.Accumulate = 2
	checkResume(t, c)
}

// The loss scale is part of the checkpoint.
func TestMixedPrecisionGivesTheSameBitsEagerlyAndResumed(t *testing.T) {
	kerneltest.NeedMixed(t, device)
	c := runConfig()
	c.Accumulate, c.Precision = 2, "mixed"
	checkResume(t, c)
}

// checkResume compares a run with one that was stopped, and resumed by the eager twin.
func checkResume(t *testing.T, c Config) {
	t.Helper()
	whole, run := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "run")
	if err := pretrain(t, whole, c, false, 0); err != nil {
		t.Fatal(err)
	}
	if err := pretrain(t, run, c, false, 3); !errors.Is(err, ErrStopped) {
		t.Fatalf("%v, want ErrStopped", err)
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = true })
	if err := pretrain(t, run, c, true, 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, MetricsFile} {
		if !bytes.Equal(content(t, run, name), content(t, whole, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

// The mask of a view would be part of what the network predicts.
func TestMaskedAutoencodersRefuseMaskedViews(t *testing.T) {
	m, err := ssl.New("mae")
	if err != nil {
		t.Fatal(err)
	}
	c := smallConfig()
	c.Method, c.Size = "mae", 32
	for text, want := range map[string]string{"": "", "from = \"supervised\"": "", "from = \"mae\"": "remove patch_mask"} {
		if err := c.SetViews(text, m, datatest.Noise(16, 32, 1)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("views %q: %v, want %q", text, err, want)
		}
	}
}
