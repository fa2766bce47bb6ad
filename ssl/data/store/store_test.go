package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

var testKey = Key{1, 2, 3}

func images() []decode.Image {
	return []decode.Image{
		{H: 2, W: 3, C: 1, Pix: []byte{1, 2, 3, 4, 5, 6}}, {H: 1, W: 2, C: 3, Pix: []byte{10, 20, 30, 40, 50, 60}}, {H: 1, W: 1, C: 1, Pix: []byte{7}},
	}
}

func testIndex() Index {
	return Index{Labels: []int32{0, -1, 1}, Classes: []string{"cat", "dog"}, Files: []string{"cat/a", "b", "dog/c"}, Clips: []Clip{{"v", 1, 2}}}
}

// build writes a set of the three images, with a skipped item after the first.
func build(t testing.TB, path string) {
	t.Helper()
	p, err := StartBuild(context.Background(), path, testKey, func() {})
	if err != nil {
		t.Fatal(err)
	}
	all := images()
	records := []Record{NewRecord(0, all[0]), NewSkipped(1, Skipped{Name: "x", Reason: "broken"}), NewRecord(2, all[1]), NewRecord(3, all[2])}
	for _, r := range records[p.NumItems:] {
		if err := p.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Finish(testIndex()); err != nil {
		t.Fatal(err)
	}
}

func TestSetIsReadAsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.set")
	build(t, path)
	f, err := Open(path, testKey)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := testIndex()
	if !slices.Equal(f.Labels, want.Labels) || !slices.Equal(f.Classes, want.Classes) || !slices.Equal(f.Files, want.Files) || !slices.Equal(f.Clips, want.Clips) {
		t.Errorf("index %+v, want %+v", f.Index, want)
	}
	for i, img := range images() {
		p := f.Locations[i]
		if int(p.H) != img.H || int(p.W) != img.W || int(p.C) != img.C || !bytes.Equal(f.Bytes[p.Offset:p.Offset+p.Size()], img.Pix) {
			t.Errorf("image %d stands at %+v", i, p)
		}
	}
	if other := (Key{9}); func() bool { _, err := Open(path, other); return !errors.Is(err, ErrDamaged) }() {
		t.Error("a set of another key was opened")
	}
}

// Wherever a part file is cut off, the next build completes it to the same file.
func TestBuildCutAnywhereIsResumed(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.set")
	build(t, whole)
	want, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "cut.set")
	for n := range len(want) {
		if err := os.WriteFile(filepath.Join(dir, "cut.part"), want[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		build(t, path)
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("cut after %d of %d bytes: another file, %v", n, len(want), err)
		}
	}
}

// Open detects any flipped bit in the header, the index and the footer. Pixels are checked when a build is resumed, not by Open.
func TestFlippedBitsAreDetected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.set")
	build(t, path)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, testKey)
	if err != nil {
		t.Fatal(err)
	}
	last := f.Locations[2]
	index := int(last.Offset + last.Size())
	f.Close()
	for at := range want {
		if at >= headerSize && at < index {
			continue
		}
		bad := slices.Clone(want)
		bad[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path, testKey); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d of %d: %v", at, len(want), err)
			if err == nil {
				f.Close()
			}
		}
	}
}

func fuzzed(f *testing.F, ending string, try func(t *testing.T, path string)) {
	seed := filepath.Join(f.TempDir(), "seed.set")
	build(f, seed)
	whole, err := os.ReadFile(seed)
	if err != nil {
		f.Fatal(err)
	}
	for n := len(whole); n > 0; n /= 2 {
		f.Add(whole[:n])
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "x.set")
		if err := os.WriteFile(path[:len(path)-4]+ending, content, 0o600); err != nil {
			t.Fatal(err)
		}
		try(t, path)
	})
}

// Every image of a set that opens lies within the file.
func FuzzOpenSet(f *testing.F) {
	fuzzed(f, ".set", func(t *testing.T, path string) {
		s, err := Open(path, testKey)
		if err != nil {
			return
		}
		defer s.Close()
		for i, p := range s.Locations {
			if p.Offset < 0 || p.H < 1 || p.W < 1 || p.Offset+p.Size() > int64(len(s.Bytes)) {
				t.Fatalf("image %d stands at %+v of %d bytes", i, p, len(s.Bytes))
			}
		}
	})
}

// Whatever a part file holds, a resumed build gives a set that opens.
func FuzzResumePart(f *testing.F) {
	fuzzed(f, ".part", func(t *testing.T, path string) {
		p, err := StartBuild(context.Background(), path, testKey, func() {})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Append(NewRecord(p.NumItems, images()[0])); err != nil {
			t.Fatal(err)
		}
		x := Index{Files: make([]string, p.NumImages())}
		if err := p.Finish(x); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, testKey)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
}
