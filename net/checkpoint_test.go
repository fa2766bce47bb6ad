package net_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// smallStore returns a store on the device with a convolution, a norm and a linear layer.
func smallStore(t *testing.T, seed uint64) *kernels.Store {
	t.Helper()
	st := kernels.NewStore(device)
	backbone, err := resnet(t, "resnet10", "cifar", 3, "").New(st, seed)
	if err != nil {
		t.Fatal(err)
	}
	projector := net.Scope{Store: st, Seed: seed}.Projector("projector", backbone.Dim(), 5, 7)
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) { // puts the store on the device
		projector.Forward(backbone.Forward(g.Input("x", kernels.F32, 2, 8, 8, 3), net.Eval), net.Eval)
	})
	if err != nil {
		t.Fatal(err)
	}
	prog.Free()
	t.Cleanup(st.Free)
	return st
}

func save(t *testing.T, path string, st *kernels.Store, step int) {
	t.Helper()
	if err := net.SaveCheckpoint(path, st, net.Meta{Step: step, Config: json.RawMessage(`{"a":1}`), Data: "d", Kernels: "texel"}); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointRestoresEveryTensor(t *testing.T) {
	dir := t.TempDir()
	a, b := smallStore(t, 1), smallStore(t, 2)
	for i, p := range a.Params() {
		v := read(t, p.Read)
		for j := range v {
			v[j] = float32(i) + float32(j)/1000
		}
		for _, err := range []error{p.WriteMoment(0, v), p.WriteMoment(1, v)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second := filepath.Join(dir, "checkpoint.ckpt"), filepath.Join(dir, "again.ckpt")
	save(t, first, a, 3)
	c, err := net.LoadCheckpoint(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Restore(b); err != nil {
		t.Fatal(err)
	}
	save(t, second, b, 3)
	x, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Error("saving what was restored gives other bytes")
	}
	if got, want := read(t, param(t, b, "backbone.layer2.0.conv1.weight").Read), read(t, param(t, a, "backbone.layer2.0.conv1.weight").Read); !slices.Equal(got, want) {
		t.Error("layer2.0.conv1.weight came back changed")
	}
}

func TestSaveKeepsThePreviousCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	st := smallStore(t, 1)
	save(t, path, st, 1)
	save(t, path, st, 2)
	if c, note, err := net.LoadNewest(path); err != nil || note != "" || c.Meta.Step != 2 {
		t.Fatalf("newest: %+v, %q, %v, want step 2", c, note, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{"cut": raw[:len(raw)/2], "empty": nil, "other": []byte("hello, this is no checkpoint")} {
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		c, note, err := net.LoadNewest(path)
		if err != nil || c.Meta.Step != 1 || !strings.Contains(note, "continuing from the checkpoint before it") {
			t.Errorf("%s: %v, %q, %v, want the checkpoint of step 1 and a note", name, c, note, err)
		}
	}
}

func TestMissingCheckpointIsNotExist(t *testing.T) {
	if _, _, err := net.LoadNewest(filepath.Join(t.TempDir(), "checkpoint.ckpt")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v, want os.ErrNotExist", err)
	}
}

func TestCheckpointOfAnotherNetworkIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	save(t, path, smallStore(t, 1), 1)
	c, err := net.LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]net.Config{
		"wider":    resnet(t, "resnet10", "cifar", 4, ""),
		"deeper":   resnet(t, "resnet18", "cifar", 3, ""),
		"no heads": resnet(t, "resnet10", "cifar", 3, ""),
	} {
		st := kernels.NewStore(device)
		if _, err := config.New(st, 1); err != nil {
			t.Fatal(err)
		}
		if err := c.Restore(st); err == nil || !strings.Contains(err.Error(), "of another network") {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}

func TestTorchLayoutsRoundTrip(t *testing.T) {
	shape := []int{2, 3, 3, 5} // K R S C
	v := make([]float32, 90)
	for i := range v {
		v[i] = float32(i)
	}
	to, w := net.ToTorch(shape, v)
	if !slices.Equal(to, []int{2, 5, 3, 3}) {
		t.Fatalf("shape %v, want K C R S", to)
	}
	// element k=1 c=4 r=2 s=0
	if got, want := w[((1*5+4)*3+2)*3], v[((1*3+2)*3)*5+4]; got != want {
		t.Errorf("K C R S holds %v where K R S C held %v", got, want)
	}
	if !slices.Equal(net.FromTorch(shape, w), v) {
		t.Error("there and back is not the same")
	}
}
