package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

// maxKnown is the most entries of a folder in which the files of a published data set are searched for.
const maxKnown = 256

// folderList lists a folder with few entries: regular files and folders by name, without hidden ones.
type folderList struct {
	dir            string
	files, folders []string
}

// readFolderList returns nothing for what is not a folder, and for a folder that has more than maxKnown entries or cannot be read.
func readFolderList(dir string) (c folderList) {
	c.dir = dir
	if info, err := os.Stat(dir); err != nil || !info.IsDir() { // opening a named pipe would wait for a writer
		return c
	}
	f, err := os.Open(dir)
	if err != nil {
		return c
	}
	defer f.Close()
	entries, _ := f.ReadDir(maxKnown + 1)
	if len(entries) > maxKnown {
		return c
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return natural(a.Name(), b.Name()) })
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name())) // of the target of a link
		switch {
		case err != nil || strings.HasPrefix(e.Name(), "."):
		case info.IsDir():
			c.folders = append(c.folders, e.Name())
		case info.Mode().IsRegular():
			c.files = append(c.files, e.Name())
		}
	}
	return c
}

func (c folderList) has(name string) bool { return slices.Contains(c.files, name) }

func (c folderList) path(name string) string { return filepath.Join(c.dir, name) }

// matching returns the files that a glob pattern matches.
func (c folderList) matching(pattern string) (names []string) {
	for _, f := range c.files {
		if is, _ := filepath.Match(pattern, f); is {
			names = append(names, f)
		}
	}
	return names
}

// knownFolder returns the format of a folder that holds a published data set: CIFAR, STL-10 or IDX. It also looks into the only folder in it,
// and into the only folder in that. ok is false if the folder is none. A folder without one obvious part is an error.
func knownFolder(dir string) (k kind, ok bool, err error) {
	for at := dir; ; {
		c := readFolderList(at)
		if k, ok, err = c.known(); ok || err != nil {
			if ok && at != dir && k.notes == nil {
				k.notes = append(k.notes, "reading "+at)
			}
			return k, ok, err
		}
		rel, _ := filepath.Rel(dir, at)
		if len(c.folders) != 1 || slices.ContainsFunc(c.files, decode.HasImageExtension) || strings.Count(rel, string(filepath.Separator)) > 0 {
			return kind{}, false, nil
		}
		at = c.path(c.folders[0])
	}
}

// known is knownFolder for one folder.
func (c folderList) known() (kind, bool, error) {
	fail := func(format string, args ...any) (kind, bool, error) {
		if len(c.folders) > 0 || slices.ContainsFunc(c.files, decode.HasImageExtension) {
			return kind{}, false, nil // there may be images
		}
		return kind{}, false, fmt.Errorf("data: %s: %s", c.dir, fmt.Sprintf(format, args...))
	}
	cifar100 := c.has("fine_label_names.txt")
	switch batches := c.matching("data_batch_*.bin"); {
	case len(batches) > 0:
		return c.cifar(batches), true, nil
	case cifar100 && c.has("train.bin"):
		return c.cifar([]string{"train.bin"}), true, nil
	case c.has("test_batch.bin"):
		return fail("it holds no training images of CIFAR-10: give %s for the test part", c.path("test_batch.bin"))
	case cifar100 && c.has("test.bin"):
		return fail("it holds no training images of CIFAR-100: give %s for the test part", c.path("test.bin"))
	case c.has("data_batch_1") && c.has("batches.meta"), c.has("train") && c.has("test") && c.has("meta"):
		return fail("the Python version of CIFAR: give the binary version (https://www.cs.toronto.edu/~kriz/cifar.html)")
	}
	switch parts := slices.DeleteFunc(slices.Clone(c.files), func(f string) bool { return !isSTL(f) }); len(parts) {
	case 0:
	case 1:
		return kind{name: "STL-10 file", fixedSize: true, open: func(context.Context, int) (source, error) { return newSTL(c.path(parts[0])) },
			notes: []string{"reading " + c.path(parts[0])}}, true, nil
	default:
		return fail("it holds parts of STL-10: give one, such as %s (labeled), %s or %s", c.path("train_X.bin"), "unlabeled_X.bin", "test_X.bin")
	}
	return c.idx(fail)
}

// cifar returns the format of CIFAR's training files in the folder.
func (c folderList) cifar(names []string) kind {
	var paths []string
	for _, n := range names {
		paths = append(paths, c.path(n))
	}
	k := kind{name: "CIFAR folder", fixedSize: true, open: func(context.Context, int) (source, error) { return newCIFAR(paths) }}
	if !slices.Contains(names, "data_batch_1.bin") && names[0] != "train.bin" {
		k.notes = append(k.notes, "not all training files of CIFAR-10: reading "+strings.Join(names, ", "))
	}
	return k
}

// idx returns the format of the training images among IDX files. A file may be there both compressed and unpacked.
func (c folderList) idx(fail func(string, ...any) (kind, bool, error)) (kind, bool, error) {
	images := slices.DeleteFunc(slices.Clone(c.files), func(f string) bool { return !isIDX(f) })
	images = slices.DeleteFunc(images, func(f string) bool {
		return strings.HasSuffix(f, ".gz") && slices.Contains(images, strings.TrimSuffix(f, ".gz"))
	})
	train := slices.DeleteFunc(slices.Clone(images), func(f string) bool { return !strings.Contains(f, "train") })
	switch {
	case len(images) == 0:
		return kind{}, false, nil
	case len(train) == 1:
		path := c.path(train[0])
		return kind{name: "IDX file", fixedSize: true, open: func(ctx context.Context, _ int) (source, error) { return newIDX(ctx, path) },
			notes: []string{"reading " + path}}, true, nil
	}
	return fail("it holds the IDX files %s: give one of them", some(images))
}
