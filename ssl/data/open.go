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
	accepted      = "expected a folder of images, frames: and a folder of clips, a .txt or .csv list of paths, a .tar, .tar.gz, .tar.bz2 or .zip of images, " +
		"a CIFAR, STL-10 or IDX images file (data_batch_1.bin, train_X.bin, train-images-idx3-ubyte), or one of "
)

// Options configure Open.
type Options struct {
	// Side is the short side that larger images are resized to, 1 to 4096 pixels. Sets of a fixed size (HasFixedSize) ignore it.
	Side int
	// CacheDir is the folder whose sub-folder sets holds the decoded images; "": the folder marr in the user's cache folder.
	CacheDir string
	// Progress, if not nil, is called after each image while a cache is built; calls do not overlap.
	Progress func(done, total int)
	// Notice, if not nil, receives messages for the user: notes about the set, a cache's size, a resumed build, waiting for another run.
	Notice func(format string, args ...any)
	// Temporary suppresses notices about the cache: the caller removes its folder.
	Temporary bool
}

func (o Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice("%s", Printable(fmt.Sprintf(format, args...)))
	}
}

// note sends a note about a set.
func (o Options) note(kind, name, text string) { o.notice("note: %s %s: %s", kind, name, text) }

// Open opens the data set called name (see the package comment for the formats). A set that is not built in is decoded once into a file
// under o.CacheDir, which is mapped. If ctx ends a build, the next Open resumes it. Errors are one printable line: what, why, what to do.
func Open(ctx context.Context, name string, o Options) (*Set, error) {
	s, err := openByName(ctx, name, o)
	if err != nil {
		return nil, printableError{err}
	}
	return s, nil
}

func openByName(ctx context.Context, name string, o Options) (*Set, error) {
	if strings.HasPrefix(name, builtinPrefix) {
		return openBuiltin(name)
	}
	k, err := kindOf(name)
	if err != nil {
		return nil, err
	}
	if k.fixedSize {
		o.Side = 0
	} else if o.Side < 1 || o.Side > maxSide {
		return nil, fmt.Errorf("data: %s %s: stored size %d: expected 1 to %d pixels", k.name, name, o.Side, maxSide)
	}
	for _, text := range k.notes {
		o.note(k.name, name, text)
	}
	src, err := k.open(ctx, o.Side)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("data: %s %s: %w while listing the images", k.name, name, err)
	}
	c := cache{name: name, kind: k.name, root: k.root, source: src, Options: o}
	s, err := c.open(ctx)
	if err == nil {
		if text := splitNote(name, s.Classes); text != "" {
			o.notice("note: %s", text)
		}
	}
	return s, err
}

// HasFixedSize reports whether the format fixes the images' size, so that Open ignores Side: built-ins, IDX, CIFAR and STL-10.
func HasFixedSize(name string) bool {
	if strings.HasPrefix(name, builtinPrefix) {
		return true
	}
	if isPlanes(filepath.Base(name)) || isIDX(name) {
		return true
	}
	k, ok, err := knownFolder(name)
	return err == nil && ok && k.fixedSize
}

// isPlanes reports whether a file is one of CIFAR or STL-10, by its name.
func isPlanes(base string) bool { return cifarClasses(base) > 0 || isSTL(base) }

// kind is the format of a data set.
type kind struct {
	name      string // in messages, and in cache keys
	root      string // folder or archive that the names of skipped files are relative to
	fixedSize bool   // see HasFixedSize
	open      func(ctx context.Context, side int) (source, error)
	notes     []string // for the user
}

// kindOf returns the format of a data set, by the name of a file or the content of a folder.
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
		return kind{name: "frames", root: path, open: func(ctx context.Context, side int) (source, error) { return newFrames(ctx, path, side), nil }}, nil
	case info.IsDir():
		if k, ok, err := knownFolder(path); ok || err != nil {
			return k, err
		}
		return kind{name: "folder", root: path, open: func(ctx context.Context, side int) (source, error) { return openFolder(ctx, path, side) }}, nil
	case !info.Mode().IsRegular():
		return bad("not a regular file")
	}
	return kindOfFile(name, bad)
}

// kindOfFile is kindOf for a regular file.
func kindOfFile(name string, bad func(why string) (kind, error)) (kind, error) {
	base := filepath.Base(name)
	switch {
	case isIDX(name):
		return kind{name: "IDX file", fixedSize: true, open: func(ctx context.Context, _ int) (source, error) { return newIDX(ctx, name) }}, nil
	case strings.Contains(base, "idx1-ubyte"):
		return kind{}, fmt.Errorf("data: %s: a file of labels: give the images file (images-idx3) instead", name)
	case cifarClasses(base) > 0:
		return kind{name: "CIFAR file", fixedSize: true, open: func(context.Context, int) (source, error) { return newCIFAR([]string{name}) }}, nil
	case isSTL(base):
		return kind{name: "STL-10 file", fixedSize: true, open: func(context.Context, int) (source, error) { return newSTL(name) }}, nil
	case endsIn(name, archiveEndings...) && !endsIn(name, ".zip"):
		return kind{name: "archive", root: name, open: func(ctx context.Context, side int) (source, error) { return newTar(ctx, name, side) }}, nil
	case endsIn(name, ".zip"):
		return kind{name: "archive", root: name, open: func(ctx context.Context, side int) (source, error) { return newZip(name, side) }}, nil
	case endsIn(name, ".txt", ".tsv", ".csv", ".lst", ".list"):
		return kind{name: "list", root: filepath.Dir(name), open: func(ctx context.Context, side int) (source, error) { return newList(name, side) }}, nil
	}
	if endsIn(name, foreignEndings...) {
		return kind{}, fmt.Errorf("data: %s: an archive of a format that is not read: unpack it, and give the folder", name)
	}
	return bad("not a data set")
}
