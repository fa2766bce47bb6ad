package data

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl/data/store"
)

func TestLinksThatLeadRoundAreReportedAndMultiplyNothing(t *testing.T) {
	needLinks(t)
	above := t.TempDir()
	dir, other := filepath.Join(above, "set"), filepath.Join(above, "other")
	write(t, pngOf(t, gray(4, 4, 1)), dir, "a", "x.png")
	write(t, pngOf(t, gray(4, 4, 2)), other, "y.png")
	write(t, pngOf(t, gray(4, 4, 3)), above, "elsewhere", "z.png")
	for name, target := range map[string]string{"set/b": other, "set/a/out": above, "set/a/root": "/", "other/back": dir, "other/out": "..", "set/c": other} {
		if err := os.Symlink(target, filepath.Join(above, name)); err != nil {
			t.Fatal(err)
		}
	}
	var k log
	s := openWith(t, dir, k.options(cached(t, 4)))
	if !slices.Equal(s.Files, []string{"a/x.png", "b/y.png"}) || !k.has("a link in it leads to another folder") {
		t.Errorf("read %v, notices %q", s.Files, k.notices)
	}
	reasons := map[string]string{"a/out": "contains the set", "a/root": "contains the set", "b/back": "read already", "b/out": "contains the set", "c": "read already"}
	for _, b := range s.Skipped {
		name, _ := filepath.Rel(dir, b.Path)
		if reasons[name] == "" || !strings.Contains(b.Reason, reasons[name]) {
			t.Errorf("skipped %s: %s", b.Path, b.Reason)
		}
		delete(reasons, name)
	}
	if len(reasons) > 0 {
		t.Errorf("not reported: %v", reasons)
	}
}

// The header of 24 GB of images allocates one image, and labels that do not match are not read.
func TestIDXFilesAreReadImageByImage(t *testing.T) {
	dir := t.TempDir()
	large := encode(t, make([]byte, 1<<20), 1, 1024, 1024)
	copy(large[4:], []byte{0, 0, 0x60, 0}) // 24576 images
	path := write(t, gzipped(large), dir, "train-images-idx3-ubyte.gz")
	labels := encode(t, []byte{1}, 1)
	copy(labels[4:], []byte{0xff, 0xff, 0xff, 0xff})
	label := write(t, gzipped(labels), dir, "train-labels-idx1-ubyte.gz")
	wantError(t, path, 0, "dimensions [4294967295] of labels for the 24576 images")
	os.Remove(label)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wantError(t, path, 0, "truncated in its data: ends at byte 1048592 of 25769803792")
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	many := encode(t, []byte{1}, 1, 1, 1)
	copy(many[4:], []byte{2, 0, 0, 0})
	wantError(t, write(t, gzipped(many), dir, "test-images-idx3-ubyte.gz"), 0, "33554432 images: more than 16777216")
}

// slow is a source of one image whose decoding ends only with the test.
type slow struct{ started, end chan struct{} }

func (s slow) stamps() []stamp { return nil }
func (s slow) list(context.Context) (*listing, error) {
	return &listing{n: 1, weight: func(int) int64 { return 1 }}, nil
}
func (s slow) Close() error { return nil }
func (s slow) fetch(int) (func() (Image, error), error) {
	return func() (Image, error) {
		close(s.started)
		<-s.end
		return Image{}, errors.New("ended")
	}, nil
}

func TestBuildThatIsStoppedDoesNotWaitForADecoder(t *testing.T) {
	s := slow{make(chan struct{}), make(chan struct{})}
	defer close(s.end)
	part, err := store.StartBuild(t.Context(), filepath.Join(t.TempDir(), "x.set"), store.Key{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer part.Discard()
	ctx, cancel := context.WithCancel(t.Context())
	l, _ := s.list(ctx)
	done := make(chan error)
	go func() { done <- (&work{source: s, list: l}).run(ctx, part) }()
	<-s.started
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || part.NumItems != 0 {
		t.Errorf("%v after %d items", err, part.NumItems)
	}
}

// A compressed archive is read sequentially; its end comes after any number of bytes.
func TestStopEndsReadingOfACompressedArchive(t *testing.T) {
	one := pngOf(t, gray(4, 4, 1))
	path := write(t, gzipped(tarOf(t, member{"a.png", one}, member{"b.png", one})), t.TempDir(), "a.tgz")
	for _, open := range []func(ctx context.Context) (source, error){
		func(ctx context.Context) (source, error) { return newTar(ctx, path, 4) },
		func(ctx context.Context) (source, error) {
			return newIDX(ctx, write(t, encode(t, []byte{1, 2}, 2, 1, 1), t.TempDir(), "train-images-idx3-ubyte"))
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		src, err := open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.list(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := src.fetch(0); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := src.fetch(1); !errors.Is(err, context.Canceled) {
			t.Errorf("%T: %v, want that it was canceled: the image must not count as damaged", src, err)
		}
		src.Close()
	}
}

func TestImagesOfSixteenBitsThatLookBlackAreNoted(t *testing.T) {
	dark := image.NewGray16(image.Rect(0, 0, 4, 4))
	dark.SetGray16(1, 1, color.Gray16{Y: 200})
	dir := t.TempDir()
	write(t, pngOf(t, dark), dir, "a.png")
	write(t, pngOf(t, gray(4, 4, 7)), dir, "b.png")
	var k log
	openWith(t, dir, k.options(cached(t, 4)))
	if !k.has(fmt.Sprintf("note: folder %s: 1 of its images have 16 bits per sample but no value above 255", dir)) {
		t.Errorf("notices %q", k.notices)
	}
}
