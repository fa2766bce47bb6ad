package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk/filesys"
)

func neighborsCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	t := trainedNetworkFlags(fs, "to search")
	end := inGroup(fs, dataGroup)
	of := fs.String("of", "", "`IMAGE` to find neighbors of: an image of --data, by its path, or by its number in a data-set file; or any image file")
	k := fs.Int("k", 10, "number of neighbors")
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "", "write the image and its neighbors as a sheet to `FILE`.png")
	asJSON := fs.Bool("json", false, "print the neighbors as JSON")
	end()
	return func(ctx context.Context, args []string) error {
		if err := t.check(args); err != nil {
			return err
		}
		switch {
		case *of == "":
			return usagef("neighbors: --of is required: name the image to find neighbors of")
		case *k < 1:
			return usagef("--k %d: want at least 1", *k)
		}
		if err := checkSheet(*out); err != nil {
			return err
		}
		e, err := t.open(ctx)
		if err != nil {
			return err
		}
		defer e.close()
		found, err := e.neighbors(ctx, *t.data, *of, *k)
		if err != nil {
			return err
		}
		if *out != "" {
			if err := writeTiles(*out, found.strips()); err != nil {
				return err
			}
		}
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(found)
		}
		for _, n := range found.Neighbors {
			printLine(os.Stdout, "%.4f  %s", n.Similarity, n.text())
		}
		return nil
	}
}

// checkSheet returns an error for the name of a sheet that cannot be written.
func checkSheet(path string) error {
	if path == "" {
		return nil
	}
	return errors.Join(checkPNG("--out", path), checkFolder(path))
}

// neighbors are the images that are most similar to one. Its JSON is the output of --json.
type neighbors struct {
	Of        string    `json:"of"`
	Neighbors []similar `json:"neighbors"`

	query data.Image
}

// similar is an image with its cosine similarity to another.
type similar struct {
	Image      int     `json:"image"` // its number in the set
	File       string  `json:"file,omitempty"`
	Class      string  `json:"class,omitempty"`
	Similarity float64 `json:"similarity"`

	set *data.Set
}

func newSimilar(set *data.Set, image int, similarity float64) similar {
	s := similar{Image: image, Class: classOf(set, image), Similarity: similarity, set: set}
	if set.Files != nil {
		s.File = set.Files[image]
	}
	return s
}

// lines describes the image: by its file or number, and by its class, if its path does not contain it.
func (s similar) lines() []string {
	lines := []string{nameOf(s.set, s.Image)}
	if s.Class != "" && !strings.Contains("/"+lines[0], "/"+s.Class+"/") {
		lines = append(lines, "class "+s.Class)
	}
	return lines
}

func (s similar) text() string { return strings.Join(s.lines(), "  ") }

func (s similar) tile() tile {
	return tile{s.set.Image(s.Image), append([]string{fmt.Sprintf("%.4f", s.Similarity)}, s.lines()...)}
}

// neighbors finds the k images of the set, which was opened by a name, that are most similar to an image.
func (e *embedder) neighbors(ctx context.Context, name, of string, k int) (neighbors, error) {
	found := neighbors{Of: of}
	except, err := findImage(e.set, name, of)
	if err != nil {
		return found, err
	}
	query := e.set
	if except >= 0 {
		query = e.set.Subset([]int{except})
	} else if query, err = data.OpenImage(of, train.StoredSide(e.inputs.Size)); err != nil {
		return found, fmt.Errorf("--of: %w", err)
	}
	found.query = query.Image(0)
	all, err := e.keptFeatures(ctx, e.dev, e.set)
	if err != nil {
		return found, err
	}
	x := all.X[max(except, 0)*all.D:][:all.D]
	if except < 0 {
		one, err := e.features(ctx, e.dev, withChannels(query, e.channels))
		if err != nil {
			return found, err
		}
		x = one[0].X
	}
	nearest, err := eval.NearestTo(ctx, all, x, k, except)
	if err == nil && len(nearest) == 0 {
		err = fmt.Errorf("%s has 1 image, which --of names: give more images", e.set.Name)
	}
	for _, n := range nearest {
		found.Neighbors = append(found.Neighbors, newSimilar(e.set, n.Image, n.Similarity))
	}
	return found, err
}

// findImage returns the number of an image that a user names in a set, which was opened by a name: by its path within the set or on disk or, in a set without
// files, by its number. It returns −1 for another file.
func findImage(set *data.Set, name, of string) (int, error) {
	if i, err := strconv.Atoi(of); set.Files == nil && err == nil {
		if i < 0 || i >= set.Len() {
			return 0, usagef("--of %s: %s has the images 0 to %d: give the number of one, or an image file", of, set.Name, set.Len()-1)
		}
		return i, nil
	}
	root := name
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		root = filepath.Dir(name) // of a list
	}
	path := absolute(of)
	for i, file := range set.Files {
		at := filepath.FromSlash(file)
		if !filepath.IsAbs(at) {
			at = filepath.Join(root, at)
		}
		if file == filepath.ToSlash(of) || samePath(absolute(at), path) {
			return i, nil
		}
	}
	if _, err := os.Stat(of); errors.Is(err, fs.ErrNotExist) {
		what := "by its path"
		if set.Files == nil {
			what = fmt.Sprintf("by its number, 0 to %d", set.Len()-1)
		}
		return 0, fmt.Errorf("--of %s: no image of %s has this name, and there is no such file: name an image of the set %s, or an image file", of, set.Name, what)
	}
	return -1, nil
}

// samePath reports whether two paths are equal, or differ in upper and lower case alone where the file system does not distinguish them.
func samePath(a, b string) bool {
	if a == b || !strings.EqualFold(a, b) {
		return a == b
	}
	x, err := filesys.Identify(a)
	y, err2 := filesys.Identify(b)
	return err == nil && err2 == nil && x == y
}

// absolute returns the absolute path, or the path itself if there is no working folder.
func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return filepath.Clean(path)
}

// strips returns the image and its neighbors as a sheet.
func (n neighbors) strips() []strip {
	s := strip{title: count(len(n.Neighbors), "neighbor") + ", with the cosine similarity of features"}
	for _, x := range n.Neighbors {
		s.tiles = append(s.tiles, x.tile())
	}
	return []strip{{title: "image", tiles: []tile{{n.query, []string{n.Of}}}}, s}
}
