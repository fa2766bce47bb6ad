package data

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"marr/ssl/data/store"
)

const framesPrefix = "frames:"

// frames is a folder of clips: a folder at any depth that holds images is one, its images, sorted naturally (2 before 10), are the frames.
// Clips stand in natural order of their paths. Where every clip lies in a folder of its class ("class/clip/0001.jpg") and there are at least
// two, these are the classes. Images beside the clips belong to none and are bad.
type frames struct {
	folder
	stray []found
}

func newFrames(ctx context.Context, root string, side int) *frames {
	f := &frames{folder: *newFolder(ctx, root, side)}
	var kept []found
	for _, file := range f.found {
		if strings.Contains(file.name, "/") {
			kept = append(kept, file)
		} else {
			f.stray = append(f.stray, file)
		}
	}
	slices.SortFunc(kept, func(a, b found) int {
		return cmp.Or(natural(path.Dir(a.name), path.Dir(b.name)), natural(path.Base(a.name), path.Base(b.name)))
	})
	f.found = kept
	return f
}

func (f *frames) list(context.Context) (*listing, error) {
	l := &listing{n: len(f.found), names: f.names(), weight: f.weight, bad: f.bad}
	for _, s := range f.stray {
		l.bad = append(l.bad, store.Skipped{Name: s.name, Reason: "lies in no clip: put it into a sub-folder"})
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

// natural compares strings, runs of digits by their value; equal values, such as 1 and 01, by all their bytes.
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

// digits returns the decimal digits that s begins with.
func digits(s string) string {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[:i]
}
