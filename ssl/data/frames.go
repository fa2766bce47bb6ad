package data

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/store"
)

const framesPrefix = "frames:"

// frames is a folder of clips. Each folder at any depth that holds images is a clip; its images in natural order (2 before 10) are the
// frames. Clips are in natural order of their paths. If every clip lies in a class folder ("class/clip/0001.jpg") and there are at least
// two of these, they are the classes. Images directly in the root belong to no clip and are skipped.
type frames struct {
	folder
	stray []imageFile
}

func newFrames(ctx context.Context, root string, side int) *frames {
	f := &frames{folder: *newFolder(ctx, root, side)}
	var kept []imageFile
	for _, file := range f.found {
		if strings.Contains(file.name, "/") {
			kept = append(kept, file)
		} else {
			f.stray = append(f.stray, file)
		}
	}
	slices.SortFunc(kept, func(a, b imageFile) int {
		return cmp.Or(natural(path.Dir(a.name), path.Dir(b.name)), natural(path.Base(a.name), path.Base(b.name)))
	})
	f.found = kept
	return f
}

func (f *frames) list(context.Context) (*listing, error) {
	l := &listing{n: len(f.found), names: f.names(), weight: f.weight, skipped: f.skipped, ignored: f.ignored}
	for _, s := range f.stray {
		l.skipped = append(l.skipped, store.Skipped{Name: s.name, Reason: "lies in no clip: put it into a sub-folder"})
	}
	var clips []string
	for i, name := range l.names {
		dir := path.Dir(name)
		if i == 0 || dir != path.Dir(l.names[i-1]) {
			l.clips = append(l.clips, Clip{Name: dir, First: i})
		}
		l.clips[len(l.clips)-1].N++
		clips = append(clips, dir)
	}
	l.classes, l.labels = classFolders(clips)
	return l, nil
}

// natural compares strings, with runs of digits by value; strings with equal values (1 and 01) are compared by bytes.
func natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		dx, dy := digits(x), digits(y)
		if dx == "" || dy == "" {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		vx, vy := strings.TrimLeft(dx, "0"), strings.TrimLeft(dy, "0")
		if c := cmp.Or(cmp.Compare(len(vx), len(vy)), strings.Compare(vx, vy)); c != 0 {
			return c
		}
		x, y = x[len(dx):], y[len(dy):]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// digits returns the leading decimal digits of s.
func digits(s string) string {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[:i]
}
