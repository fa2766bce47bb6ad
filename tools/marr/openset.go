package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// defaultSize returns the size of views for images without a fixed size: that of the images, between minSize and a largest size. It is 0 for others.
func defaultSize(ctx context.Context, name string, largest int) (int, error) {
	if data.HasFixedSize(name) {
		return 0, nil
	}
	_, side, err := data.Survey(ctx, name)
	return max(min(side, largest), run.MinInput), err
}

// maxSize is the largest side of views: for it, images are stored at the largest size of the cache.
const maxSize = 3276

// openSet opens a data set for views of px pixels; 0: it has a fixed size. It prints its progress while it builds a cache, and the files that it skipped.
func openSet(ctx context.Context, name string, px int) (*data.Set, error) {
	if px == 0 && data.HasFixedSize(name) {
		px = maxSize
	}
	if strings.HasPrefix(name, "builtin:") && !slices.Contains(data.Builtins(), name) {
		return nil, unknown("images", name, data.Builtins())
	}
	switch {
	case px < 1:
		return nil, usagef("--size %d: want a side of at least 1 pixel", px)
	case px > maxSize:
		return nil, usagef("--size %d: want a side of at most %d pixels", px, maxSize)
	}
	dir, err := vk.CacheDir()
	if err != nil {
		return nil, err
	}
	l := newDecodeProgress(name)
	o := data.Options{Side: train.StoredSide(px), CacheDir: dir, Progress: l.progress, Notice: l.notice}
	if dir == "" { // caches are off: the file exists only while it is open
		if o.CacheDir, err = os.MkdirTemp("", "marr-"); err != nil {
			variable := map[bool]string{true: "TMP", false: "TMPDIR"}[runtime.GOOS == "windows"]
			return nil, fmt.Errorf("images of %s: %w: set %s to a folder with room", name, err, variable)
		}
		defer os.RemoveAll(o.CacheDir)
		o.Temporary = true
	}
	set, err := data.Open(ctx, name, o)
	l.end()
	if err != nil {
		return nil, err
	}
	if o.Temporary && os.RemoveAll(o.CacheDir) != nil { // Windows keeps a mapped file
		if err := set.ToHeap(); err != nil {
			return nil, err
		}
	}
	for i, f := range set.Skipped {
		if i == 10 {
			fmt.Fprintf(os.Stderr, "skipped %d more: skipped.txt of the run and marr data inspect list them\n", len(set.Skipped)-i)
			break
		}
		fmt.Fprintf(os.Stderr, "skipped %s: %s\n", f.Path, f.Reason)
	}
	return set, nil
}

// decodeProgress prints the progress of building a cache.
type decodeProgress struct {
	*workProgress
	name string
}

func newDecodeProgress(name string) *decodeProgress {
	return &decodeProgress{newWorkProgress(), data.Printable(name)}
}

func (p *decodeProgress) progress(done, total int) {
	p.update(done, total, func(perSecond float64) string {
		return fmt.Sprintf("decoding %s: %d/%d images  %.0f/s", p.name, done, total, perSecond)
	})
}

func (p *decodeProgress) notice(format string, args ...any) {
	p.end()
	printLine(os.Stderr, format, args...)
}

// checkFolder returns an error if the folder of a file of --out does not exist, or if a folder has its name.
func checkFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("--out %s: it is a folder: name a file", path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("--out %s: there is no folder %s: make it first, or choose another", path, filepath.Dir(path))
	}
	return nil
}

// nameOf returns the file of an image within its set, or its number where the set has no files.
func nameOf(set *data.Set, i int) string {
	if set.Files == nil {
		return strconv.Itoa(i)
	}
	return set.Files[i]
}

// classOf returns the class of an image, "" if it has none.
func classOf(set *data.Set, i int) string {
	if set.Labels == nil || set.Labels[i] < 0 {
		return ""
	}
	return set.Classes[set.Labels[i]]
}
