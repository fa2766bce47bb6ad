package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/store"
	"github.com/marr-ssl/marr/vk/filesys"
)

// noticeSize is the size in bytes from which a new cache file is reported.
const noticeSize = 64 << 20

// cache opens the file of a source's decoded images, and builds it if there is none.
type cache struct {
	name, kind, root string
	source           source
	Options
}

func (c *cache) open(ctx context.Context) (*Set, error) {
	if n, is := c.source.(noter); is {
		for _, text := range n.notes() {
			c.note(c.kind, c.name, text)
		}
	}
	dir := c.CacheDir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("data: cache folder: %w: set MARR_CACHE to one", err)
		}
		dir = filepath.Join(user, "marr")
	}
	dir = filepath.Join(dir, "sets")
	key := keyOf(c.kind, c.Side, c.source.stamps())
	place, ending := c.place(), "-"+hex.EncodeToString(key[:16])+setSuffix
	for _, name := range filesEnding(dir, ending) { // under any place: the set may have moved
		if f := c.lookup(filepath.Join(dir, name), key); f != nil {
			return newSet(c.name, c.root, f), nil
		}
	}
	path := filepath.Join(dir, place+ending)
	l, err := c.source.list(ctx)
	if err != nil {
		return nil, err
	}
	if l.n == 0 {
		return nil, c.empty(l)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, c.failed(dir, err)
	}
	return c.build(ctx, path, key, l)
}

const setSuffix = ".set"

// place returns a hash of the set's path, format and side. Only the newest file of a place is kept.
func (c *cache) place() string {
	abs, err := filepath.Abs(c.name)
	if err != nil {
		abs = c.name
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n", abs, c.kind, c.Side))
	return hex.EncodeToString(sum[:6])
}

// filesEnding returns the names in a folder with an ending; none if the folder cannot be read.
func filesEnding(dir, ending string) (out []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ending) {
			out = append(out, e.Name())
		}
	}
	return out
}

// lookup maps a cache file; it returns nil if the file is missing or damaged. It removes a cache whose skipped files can be read now.
func (c *cache) lookup(path string, key store.Key) *store.File {
	f, err := store.Open(path, key)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.notice("cache %s: %v: building it again", path, err)
		}
		return nil
	}
	for _, b := range f.Skipped {
		if !b.Retry {
			continue
		}
		if _, err := readFile(skippedPath(c.root, b.Name)); err == nil {
			c.notice("cache %s: %s can be read now: building it again", path, b.Name)
			f.Close()
			os.Remove(path) // if this fails, the build reports why
			return nil
		}
	}
	return f
}

// build builds the cache file, or waits for another run that does.
func (c *cache) build(ctx context.Context, path string, key store.Key, l *listing) (*Set, error) {
	part, err := store.StartBuild(ctx, path, key, func() { c.notice("another run is building the cache of %s: waiting for it", c.name) })
	if err != nil {
		return nil, c.failed(path, err)
	}
	if f, err := store.Open(path, key); err == nil { // built by the other run
		part.Discard()
		return newSet(c.name, c.root, f), nil
	}
	if part.NumItems > 0 {
		c.notice("cache of %s: resuming after %d of %d images", c.name, part.NumItems, l.n)
	}
	w := work{source: c.source, list: l, progress: c.Progress}
	if err := w.run(ctx, part); err != nil {
		return nil, c.stopped(ctx, part, l.n, path, err)
	}
	if n := w.dark.Load(); n > 0 {
		c.note(c.kind, c.name, fmt.Sprintf("%d of its images have 16 bits per sample but no value above 255, and look black: scale their values", n))
	}
	index, firstSkipped := c.index(part, l)
	if part.NumImages() == 0 {
		part.Discard()
		mend := "give intact ones"
		if c.kind == "list" {
			mend = listFormat
		}
		return nil, fmt.Errorf("data: %s %s: none of its %d images can be read: %s: the first is %s: %s",
			c.kind, c.name, l.n, mend, skippedPath(c.root, firstSkipped.Name), strings.TrimPrefix(firstSkipped.Reason, "decode: "))
	}
	if err := part.Finish(index); err != nil {
		return nil, c.stopped(ctx, part, l.n, path, err)
	}
	f, err := store.Open(path, key)
	if err != nil {
		return nil, c.failed(path, err)
	}
	for _, name := range filesEnding(filepath.Dir(path), setSuffix) { // earlier states of the set
		if old := filepath.Join(filepath.Dir(path), name); strings.HasPrefix(name, c.place()+"-") && old != path {
			os.Remove(old) // a failure only wastes space
		}
	}
	if len(f.Bytes) >= noticeSize && !c.Temporary {
		c.notice("cache of %s: %d MB in %s", c.name, len(f.Bytes)/1e6, path)
	}
	return newSet(c.name, c.root, f), nil
}

// index returns the index of the images that were read, and the first skipped item by name.
func (c *cache) index(part *store.Builder, l *listing) (x store.Index, first store.Skipped) {
	x.Skipped = slices.Clone(l.skipped)
	place := make([]int, 0, l.n+1) // number of images read before each item
	for i := range l.n {
		place = append(place, i-len(x.Skipped)+len(l.skipped))
		if bad, is := part.Skipped[i]; is {
			bad.Name = fmt.Sprintf("record %d", i)
			if l.names != nil {
				bad.Name = l.names[i]
			}
			x.Skipped = append(x.Skipped, bad)
			continue
		}
		if l.names != nil {
			x.Files = append(x.Files, l.names[i])
		}
		if l.labels != nil {
			x.Labels = append(x.Labels, l.labels[i])
		}
	}
	x.Classes, x.Labels = occurring(l.classes, x.Labels)
	place = append(place, part.NumImages())
	for _, clip := range l.clips {
		if n := place[clip.First+clip.N] - place[clip.First]; n > 0 {
			x.Clips = append(x.Clips, Clip{Name: clip.Name, First: place[clip.First], N: n})
		}
	}
	byName := func(a, b store.Skipped) int { return strings.Compare(a.Name, b.Name) }
	if len(x.Skipped) > 0 {
		first = slices.MinFunc(x.Skipped, byName)
	}
	x.Skipped = append(x.Skipped, l.ignored.skippedClutter()...)
	slices.SortStableFunc(x.Skipped, byName)
	return x, first
}

// empty returns the error for a source without items.
func (c *cache) empty(l *listing) error {
	if len(l.skipped) > 0 {
		first := l.skipped[0]
		return fmt.Errorf("data: %s %s: no images: %s: %s: give images that can be read", c.kind, c.name, skippedPath(c.root, first.Name), first.Reason)
	}
	if c.kind == "list" {
		return fmt.Errorf("data: list %s: no images: %s", c.name, listFormat)
	}
	return fmt.Errorf("data: %s %s: no images: %s", c.kind, c.name, l.ignored.why(c.kind))
}

// stopped cleans up after a build that failed with err: it keeps the file if ctx ended the build, and removes it otherwise.
func (c *cache) stopped(ctx context.Context, part *store.Builder, total int, path string, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		done := part.NumItems
		if err := part.Suspend(); err != nil {
			return c.failed(path, err)
		}
		return fmt.Errorf("data: cache of %s: stopped after %d of %d images: %w: the next run resumes from there", c.name, done, total, ctx.Err())
	}
	part.Discard()
	if done := part.NumItems; filesys.IsFull(err) && done > 0 {
		return fullError(path, err, fmt.Sprintf("about %.1f MB", float64(part.Size())/float64(done)*float64(total)/1e6))
	}
	return c.failed(path, err)
}

func fullError(path string, err error, need string) error {
	return fmt.Errorf("data: cache %s: %w: free %s, or set MARR_CACHE to a folder with room", path, cause(err), need)
}

// failed wraps an error of the cache file. Errors of the source are returned unchanged.
func (c *cache) failed(path string, err error) error {
	switch {
	case errors.Is(err, errSource):
		return err
	case filesys.IsFull(err):
		return fullError(path, err, "some")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("data: cache of %s: %w while waiting for another run that is building it", c.name, err)
	}
	return fmt.Errorf("data: cache %s: %w: set MARR_CACHE to a writable folder", path, cause(err))
}

// skippedPath returns the path of a skipped item for messages.
func skippedPath(root, name string) string {
	if name = filepath.FromSlash(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(root, name)
}
