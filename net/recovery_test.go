package net_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// One flipped bit rarely breaks the structure of the file. The checksum detects it.
func TestOneFlippedBitMakesACheckpointDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	st := smallStore(t, 1)
	save(t, path, st, 1)
	save(t, path, st, 2)
	whole := readFile(t, path)
	for _, at := range []int{8, 100, len(whole) / 2, len(whole) - 1} {
		bad := slices.Clone(whole)
		bad[at] ^= 1
		writeFile(t, path, bad)
		if _, err := net.LoadCheckpoint(path); !errors.Is(err, net.ErrDamaged) {
			t.Errorf("byte %d: error %v, want ErrDamaged", at, err)
		}
		if c, note, err := net.LoadNewest(path); err != nil || c.Meta.Step != 1 || note == "" {
			t.Errorf("byte %d: note %q, error %v, want the checkpoint of step 1 and a note", at, note, err)
		}
	}
}

// A changed step number is damage too, although the JSON is valid.
func TestChangedMetadataMakesACheckpointDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	save(t, path, smallStore(t, 1), 1)
	was := string(readFile(t, path))
	now := strings.Replace(was, `\"step\":1`, `\"step\":7`, 1)
	if now == was {
		t.Fatal("no step in the file")
	}
	writeFile(t, path, []byte(now))
	if _, err := net.LoadCheckpoint(path); !errors.Is(err, net.ErrDamaged) {
		t.Fatalf("%v, want ErrDamaged", err)
	}
}

// A run that resumed from the previous checkpoint saves: the damaged file must not replace the last good one.
func TestSavingOverADamagedCheckpointKeepsTheLastGoodOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	st := smallStore(t, 1)
	save(t, path, st, 1)
	save(t, path, st, 2)
	writeFile(t, path, readFile(t, path)[:1000])
	// A folder under the temporary name makes writing fail after the previous one was dealt with, as a kill there would.
	if err := os.MkdirAll(path+".tmp/x", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := net.SaveCheckpoint(path, st, net.Meta{Step: 3}); err == nil {
		t.Fatal("writing succeeded")
	}
	if c, _, err := net.LoadNewest(path); err != nil || c.Meta.Step != 1 {
		t.Fatalf("%v: nothing whole is left, want the checkpoint of step 1", err)
	}
	if err := os.RemoveAll(path + ".tmp"); err != nil {
		t.Fatal(err)
	}
	save(t, path, st, 3)
	if c, note, err := net.LoadNewest(path); err != nil || note != "" || c.Meta.Step != 3 {
		t.Fatalf("%q %v, want step 3", note, err)
	}
}

func TestFailedSaveKeepsTheNewestCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	st := smallStore(t, 1)
	save(t, path, st, 1)
	save(t, path, st, 2)
	if err := os.MkdirAll(path+".tmp/x", 0o777); err != nil { // in the way of writing
		t.Fatal(err)
	}
	if err := net.SaveCheckpoint(path, st, net.Meta{Step: 3}); err == nil {
		t.Fatal("writing succeeded")
	}
	if c, err := net.LoadCheckpoint(path); err != nil || c.Meta.Step != 2 {
		t.Fatalf("%v, want step 2 under its own name", err)
	}
}

// Each case is the set of files that a save leaves if it is interrupted at one point.
func TestInterruptedSaveLeavesACompleteCheckpoint(t *testing.T) {
	source := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	st := smallStore(t, 1)
	var file [4][]byte
	for step := 1; step <= 3; step++ {
		save(t, source, st, step)
		file[step] = readFile(t, source)
	}
	const newest, before, keep, temp = "checkpoint.ckpt", "checkpoint.prev.ckpt", "checkpoint.ckpt.keep", "checkpoint.ckpt.tmp"
	for name, c := range map[string]struct {
		files map[string][]byte
		want  int
	}{
		"linked":                 {map[string][]byte{newest: file[2], before: file[1], keep: file[2]}, 2},
		"kept":                   {map[string][]byte{newest: file[2], before: file[2]}, 2},
		"half written":           {map[string][]byte{newest: file[2], before: file[2], temp: file[3][:999]}, 2},
		"written":                {map[string][]byte{newest: file[2], before: file[2], temp: file[3]}, 2},
		"renamed":                {map[string][]byte{newest: file[3], before: file[2]}, 3},
		"moved, without linking": {map[string][]byte{before: file[2]}, 2},
	} {
		dir := t.TempDir()
		for f, b := range c.files {
			writeFile(t, filepath.Join(dir, f), b)
		}
		path := filepath.Join(dir, newest)
		if got, _, err := net.LoadNewest(path); err != nil || got.Meta.Step != c.want {
			t.Errorf("%s: %v, want step %d", name, err, c.want)
		}
		save(t, path, st, 4)
		if got, note, err := net.LoadNewest(path); err != nil || note != "" || got.Meta.Step != 4 {
			t.Errorf("%s: after the next save: %q %v, want step 4", name, note, err)
		}
		if got, err := net.LoadCheckpoint(filepath.Join(dir, before)); err != nil || got.Meta.Step != c.want {
			t.Errorf("%s: the one before is %v, want step %d", name, err, c.want)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
			t.Errorf("%s: the folder holds %v, want two checkpoints", name, entries)
		}
	}
}

func TestOnlyDamageMakesLoadingFallBack(t *testing.T) {
	dir := t.TempDir()
	path, before := filepath.Join(dir, "checkpoint.ckpt"), filepath.Join(dir, "checkpoint.prev.ckpt")
	st := smallStore(t, 1)
	save(t, path, st, 1)
	save(t, path, st, 2)
	whole := readFile(t, path)
	newer := strings.Replace(string(whole), `\"version\":2`, `\"version\":9`, 1)
	for name, c := range map[string]struct {
		prepare func()
		want    string
	}{
		"another format":       {func() { writeFile(t, path, []byte(newer)) }, "format 9"},
		"not of this program":  {func() { writeFile(t, path, []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}")) }, "not a checkpoint of marr"},
		"a folder in its way":  {func() { os.Remove(path); os.Mkdir(path, 0o777) }, "not a regular file"},
		"both damaged":         {func() { writeFile(t, path, whole[:50]); writeFile(t, before, whole[:70]) }, "no intact checkpoint is left"},
		"only a damaged other": {func() { os.Remove(path); writeFile(t, before, whole[:70]) }, "damaged"},
	} {
		os.RemoveAll(path)
		writeFile(t, before, whole)
		c.prepare()
		_, note, err := net.LoadNewest(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: note %q, error %v, want one line with %q", name, note, err, c.want)
		}
		if errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v passes for a run that was never saved", name, err)
		}
	}
}

// snapshot returns every value of a store, to check that a refused file changed none.
func snapshot(t *testing.T, st *kernels.Store) (all []float32) {
	t.Helper()
	for _, p := range st.Params() {
		all = append(all, read(t, p.Read)...)
	}
	for _, s := range st.States() {
		all = append(all, read(t, s.Read)...)
	}
	return all
}

func saved(t *testing.T, c net.Config, projector bool) *net.Checkpoint {
	t.Helper()
	st := network(t, c, projector)
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	save(t, path, st, 1)
	found, err := net.LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// network returns a store with its initial values, which was never uploaded to the device.
func network(t *testing.T, c net.Config, projector bool) *kernels.Store {
	t.Helper()
	st := kernels.NewStore(device)
	backbone, err := c.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	if projector {
		net.Scope{Store: st, Seed: 1}.Projector("projector", backbone.Dim(), 4, 4)
	}
	return st
}

func tiny(t *testing.T) net.Config { return resnet(t, "resnet10", "cifar", 3, "") }

func TestRefusedFileListsTheDifferencesAndChangesNothing(t *testing.T) {
	tiny, deep, wide, gray := tiny(t), resnet(t, "resnet18", "cifar", 3, ""), resnet(t, "resnet10", "cifar", 4, ""), tiny(t)
	gray.Channels = 1
	restore := func(c *net.Checkpoint, st *kernels.Store) error { return c.Restore(st) }
	backbone := func(c *net.Checkpoint, st *kernels.Store) error { return c.RestoreBackbone(st) }
	for name, c := range map[string]struct {
		from, to net.Config
		fromHead bool
		how      func(*net.Checkpoint, *kernels.Store) error
		want     []string
	}{
		"whole, deeper":     {tiny, deep, false, restore, []string{"lacks", "layer1.1.bn1.bias"}},
		"whole, a head":     {tiny, tiny, true, restore, []string{"the network has no", "optimizer.0.projector.0.weight"}},
		"whole, gray":       {tiny, gray, false, restore, []string{"conv1.weight [3 3 3 3], want [3 1 3 3]"}},
		"backbone, deeper":  {tiny, deep, true, backbone, []string{"lacks", "layer1.1.bn1.bias", "more"}},
		"backbone, flatter": {deep, tiny, false, backbone, []string{"the network has no", "backbone.layer1.1.bn1.bias"}},
		"backbone, wider":   {tiny, wide, false, backbone, []string{"bn1.bias [3], want [4]", "more"}},
	} {
		st := network(t, c.to, false)
		was := snapshot(t, st)
		err := c.how(saved(t, c.from, c.fromHead), st)
		for _, want := range append(c.want, "of another network") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want it to say %q", name, err, want)
			}
		}
		if !slices.Equal(snapshot(t, st), was) {
			t.Errorf("%s: the refused file changed the store", name)
		}
	}
}

func TestRestoreBackboneDoesNotChangeTheHead(t *testing.T) {
	trained := network(t, tiny(t), true)
	for i, p := range trained.Params() {
		v := read(t, p.Read)
		for j := range v {
			v[j] = float32(i) + float32(j)/1000
		}
		if err := p.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := state(t, trained, "backbone.bn1.running_mean").Write([]float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	save(t, path, trained, 1)
	c, err := net.LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh := network(t, tiny(t), false)
	net.Scope{Store: fresh, Seed: 2}.MLP("head", 24, 24, 5)
	head := read(t, param(t, fresh, "head.0.weight").Read)
	if err := c.RestoreBackbone(fresh); err != nil {
		t.Fatal(err)
	}
	for _, p := range fresh.Params() {
		got, want := read(t, p.Read), head
		if strings.HasPrefix(p.Name, "head.") {
			if p.Name != "head.0.weight" {
				continue
			}
		} else {
			want = read(t, param(t, trained, p.Name).Read)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is not what it should be", p.Name)
		}
	}
	if got := read(t, state(t, fresh, "backbone.bn1.running_mean").Read); !slices.Equal(got, []float32{1, 2, 3}) {
		t.Errorf("bn1.running_mean %v, want [1 2 3]", got)
	}
}

// Any safetensors reader must find torchvision's tensor: [K C R S] under its name, element by element.
func TestFilesHoldConvolutionsInPyTorchsLayout(t *testing.T) {
	st := network(t, tiny(t), false)
	path := filepath.Join(t.TempDir(), "checkpoint.ckpt")
	save(t, path, st, 1)
	blobs, _, err := net.DecodeSafetensors(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	const k, c, name = 6, 3, "backbone.layer2.0.conv1.weight"
	i := slices.IndexFunc(blobs, func(b net.Blob) bool { return b.Name == name })
	if i < 0 || fmt.Sprint(blobs[i].Shape) != "[6 3 3 3]" {
		t.Fatalf("%s is not there as [K C R S] = [6 3 3 3]", name)
	}
	got, err := net.Float32s(blobs[i])
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, param(t, st, name).Read) // [K R S C]
	for a := range k {
		for b := range c {
			for rs := range 9 {
				if got[(a*c+b)*9+rs] != want[(a*9+rs)*c+b] {
					t.Fatalf("element k %d, c %d, tap %d differs", a, b, rs)
				}
			}
		}
	}
}
