package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	builtinPrefix = "builtin:"
	maxSide       = 4096 // pixels; the stored short side of images
	accepted      = "expected a folder of images, frames: and a folder of clips, a .txt list of paths, a .tar, .tar.gz or .zip of images, " +
		"a CIFAR, STL-10 or IDX images file (data_batch_1.bin, train_X.bin, train-images-idx3-ubyte), or one of "
)

// Options are what Open depends on besides the set's name.
type Options struct {
	// Side is what the short side of images is cut down to, 1 to 4096 pixels; smaller ones stay as they are. Sets of their own size ignore it.
	Side int
	// CacheDir is the folder in whose sub-folder sets the decoded images are kept; "": marr among the user's caches.
	CacheDir string
	// Progress, where it is set, is called after each item while a cache is built; calls do not overlap.
	Progress func(done, total int)
	// Notice, where it is set, is told what a person may want to know: a cache's size, a build that goes on, waiting for another run.
	Notice func(format string, args ...any)
}

func (o Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(format, args...)
	}
}

// Open opens the data set called name (see the package comment for the sources). What is not built in is decoded once, to a file under
// o.CacheDir, and mapped; a build that ctx ends is gone on with by the next Open. Errors are one line: what, why, what to do.
func Open(ctx context.Context, name string, o Options) (*Set, error) {
	if strings.HasPrefix(name, builtinPrefix) {
		return openBuiltin(name)
	}
	k, err := kindOf(name)
	if err != nil {
		return nil, err
	}
	if k.own {
		o.Side = 0
	} else if o.Side < 1 || o.Side > maxSide {
		return nil, fmt.Errorf("data: %s %s: stored size %d: expected 1 to %d pixels", k.name, name, o.Side, maxSide)
	}
	src, err := k.open(ctx, o.Side)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("data: %s %s: %w while looking for images", k.name, name, err)
	}
	c := cache{name: name, kind: k.name, root: k.root, source: src, Options: o}
	return c.open(ctx)
}

// HasFixedSize says whether the set has a size of its own, so that Open ignores Side: true for built-ins, IDX, CIFAR and STL-10, false for
// all others and for what is none.
func HasFixedSize(name string) bool {
	if strings.HasPrefix(name, builtinPrefix) {
		return true
	}
	return isPlanes(filepath.Base(name)) || isIDX(name) || cifarFolder(name) != nil
}

// isPlanes says whether a file is one of CIFAR or STL-10, by its name.
func isPlanes(base string) bool { return cifarKind(base) > 0 || isSTL(base) }

// kind is what a name turned out to be.
type kind struct {
	name string // as messages call it
	root string // what names of bad files are relative to
	own  bool   // images have a size of their own
	open func(ctx context.Context, side int) (source, error)
}

// kindOf tells sources apart, by their names but for folders.
func kindOf(name string) (kind, error) {
	bad := func(why string) (kind, error) {
		return kind{}, fmt.Errorf("data: %s: %s: %s%s", name, why, accepted, strings.Join(Builtins(), ", "))
	}
	path, clips := strings.CutPrefix(name, framesPrefix)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad("no such file or folder")
	case err != nil:
		return bad(cause(err).Error())
	case clips && !info.IsDir():
		return bad("not a folder of clips")
	case clips:
		return kind{"frames", path, false, func(ctx context.Context, side int) (source, error) { return newFrames(ctx, path, side), nil }}, nil
	case info.IsDir():
		if batches := cifarFolder(path); batches != nil {
			return kind{"CIFAR folder", "", true, func(context.Context, int) (source, error) { return newCIFAR(batches) }}, nil
		}
		return kind{"folder", path, false, func(ctx context.Context, side int) (source, error) { return newFolder(ctx, path, side), nil }}, nil
	case !info.Mode().IsRegular():
		return bad("not a regular file")
	}
	return kindOfFile(name, bad)
}

// kindOfFile is kindOf for a regular file.
func kindOfFile(name string, bad func(why string) (kind, error)) (kind, error) {
	base := filepath.Base(name)
	lower := strings.ToLower(base)
	ends := func(suffixes ...string) bool {
		for _, s := range suffixes {
			if strings.HasSuffix(lower, s) {
				return true
			}
		}
		return false
	}
	switch {
	case isIDX(name):
		return kind{"IDX file", "", true, func(context.Context, int) (source, error) { return newIDX(name) }}, nil
	case strings.Contains(base, "idx1-ubyte"):
		return kind{}, fmt.Errorf("data: %s: a file of labels: name the images file beside it (images-idx3)", name)
	case cifarKind(base) > 0:
		return kind{"CIFAR file", "", true, func(context.Context, int) (source, error) { return newCIFAR([]string{name}) }}, nil
	case isSTL(base):
		return kind{"STL-10 file", "", true, func(context.Context, int) (source, error) { return newSTL(name) }}, nil
	case ends(".tar", ".tar.gz", ".tgz"):
		return kind{"archive", name, false, func(ctx context.Context, side int) (source, error) { return newTar(name, side) }}, nil
	case ends(".zip"):
		return kind{"archive", name, false, func(ctx context.Context, side int) (source, error) { return newZip(name, side) }}, nil
	case ends(".txt", ".tsv", ".lst", ".list"):
		return kind{"list", filepath.Dir(name), false, func(ctx context.Context, side int) (source, error) { return newList(name, side) }}, nil
	}
	return bad("not a data set")
}
