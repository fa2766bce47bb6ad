package data

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// archives is a folder of archives and no images, as sets that are published in parts: one set of the images of all, in the order of the
// archives' names. Classes are the folders within the archives.
type archives struct {
	names []string // of the archives, relative to root
	parts []source
	lists []*listing
	first []int // first item of each part, then the number of items
}

func newArchives(ctx context.Context, root string, names []string, side int) (source, error) {
	names = slices.SortedFunc(slices.Values(names), natural)
	a := &archives{names: names}
	for _, n := range names {
		k, err := kindOf(skippedPath(root, n))
		if err != nil {
			return nil, err
		}
		part, err := k.open(ctx, side)
		if err != nil {
			return nil, err
		}
		a.parts = append(a.parts, part)
	}
	return a, nil
}

func (a *archives) notes() []string {
	return []string{fmt.Sprintf("reading the archives in it as one set: %s", some(a.names))}
}

func (a *archives) stamps() (all []stamp) {
	for i, p := range a.parts {
		for _, s := range p.stamps() {
			s.name = a.names[i]
			all = append(all, s)
		}
	}
	return all
}

func (a *archives) list(ctx context.Context) (*listing, error) {
	out := &listing{}
	var within []string
	for i, p := range a.parts {
		l, err := p.list(ctx)
		if err != nil {
			return nil, err
		}
		a.lists, a.first = append(a.lists, l), append(a.first, out.n)
		out.n += l.n
		within = append(within, l.names...)
		for _, n := range l.names {
			out.names = append(out.names, a.names[i]+"/"+n)
		}
		for _, s := range l.skipped {
			s.Name = strings.TrimSuffix(a.names[i]+"/"+s.Name, "/")
			out.skipped = append(out.skipped, s)
		}
		out.ignored.merge(l.ignored)
	}
	a.first = append(a.first, out.n)
	out.weight = func(i int) int64 { part, item := a.locate(i); return a.lists[part].weight(item) }
	out.classes, out.labels = classFolders(within)
	return out, nil
}

// locate returns the part of item i and the item's index there.
func (a *archives) locate(i int) (part, item int) {
	part = sort.SearchInts(a.first, i+1) - 1
	return part, i - a.first[part]
}

func (a *archives) fetch(i int) (func() (Image, error), error) {
	part, item := a.locate(i)
	return a.parts[part].fetch(item)
}

func (a *archives) Close() error {
	for _, p := range a.parts {
		p.Close()
	}
	return nil
}
