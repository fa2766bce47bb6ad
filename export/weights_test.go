package export

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
)

// A file of either format, loaded into a new network that its metadata describe, has the bits of the network that was exported.
func TestExportedFilesLoadBackBitForBit(t *testing.T) {
	for _, c := range []net.Config{
		resnet(t, "resnet50", "imagenet", 2, 3, ""),
		resnet(t, "resnet18", "cifar", 3, 1, ""),
		resnet(t, "resnet10", "strided", 8, 3, "group"),
		resnet(t, "resnet10", "cifar", 5, 3, "layer"),
		resnet(t, "resnet10", "cifar", 2, 3, "none"),
		resnet(t, "resnet10", "cifar", 2, 3, "mean"),
		resnet(t, "resnet10", "cifar", 2, 3, "moving-mean"),
		smallViT(t, map[string]any{"grid": 8}),
		smallViT(t, map[string]any{"grid": 3, "pool": "mean"}),
	} {
		for _, suffix := range []string{".onnx", ".safetensors"} {
			t.Run(c.Name+" "+c.Norm+suffix, func(t *testing.T) {
				st := kernels.NewStore(nil)
				b := Backbone{Store: st, Module: randomNet(t, st, c), Height: 32, Width: 32, Channels: c.Channels, Metadata: map[string]string{
					"marr.arch": c.Name, "marr.norm": c.Norm, "marr.channels": fmt.Sprint(c.Channels)}}
				for name, v := range registry.Values(c.Arch) {
					b.Metadata["marr."+name] = fmt.Sprint(v)
				}
				path := filepath.Join(t.TempDir(), "backbone"+suffix)
				f, err := FormatOf(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Write(path, b); err != nil {
					t.Fatal(err)
				}
				w, err := f.Read(path)
				if err != nil {
					t.Fatal(err)
				}
				if want := map[string]int{".onnx": 32}[suffix]; w.Size != want || w.Path != path {
					t.Errorf("%s of %d px, want %s of %d", w.Path, w.Size, path, want)
				}
				found, err := w.Recognize(nil)
				if err != nil {
					t.Fatal(err)
				}
				loaded := kernels.NewStore(nil)
				m, err := found.New(loaded, 77)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.Restore(loaded); err != nil {
					t.Fatal(err)
				}
				want, err := b.blobs()
				if err != nil {
					t.Fatal(err)
				}
				got, err := Backbone{Store: loaded, Module: m}.blobs()
				if err != nil || len(got) != len(want) {
					t.Fatalf("%d tensors, %v, want %d", len(got), err, len(want))
				}
				for i := range want {
					if got[i].Name != want[i].Name || !slices.Equal(got[i].Data, want[i].Data) {
						t.Errorf("%s differs", want[i].Name)
					}
				}
			})
		}
	}
}

// Broken files, other formats and things that are no files are errors that name the path.
func TestReadRefusesWhatIsNoFileOfTheFormat(t *testing.T) {
	dir := t.TempDir()
	b := Backbone{Metadata: map[string]string{}}
	st := kernels.NewStore(nil)
	b.Store, b.Module, b.Height, b.Width, b.Channels = st, randomNet(t, st, resnet(t, "resnet10", "cifar", 2, 3, "")), 8, 8, 3
	written := filepath.Join(dir, "b.onnx")
	if err := (onnx{}).Write(written, b); err != nil {
		t.Fatal(err)
	}
	for path, f := range map[string]Format{written: safetensors{}, dir: onnx{}, filepath.Join(dir, "absent.onnx"): onnx{}, "/dev/zero": safetensors{}} {
		if _, err := f.Read(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s as %s: %v, want an error that names it", path, f.Name(), err)
		}
	}
}
