package data

import (
	"context"
	"fmt"
	"slices"
)

// surveyed is the number of images that Survey decodes.
const surveyed = 16

// Survey returns the number of images of a data set and the median short side, in pixels, of a few of them at equal distances (of a compressed archive, the first), before it is opened for a
// chosen size. Unreadable images are counted too. The set must not have a fixed size (HasFixedSize).
func Survey(ctx context.Context, name string) (images, shortSide int, err error) {
	if images, shortSide, err = survey(ctx, name); err != nil {
		return 0, 0, printableError{err}
	}
	return images, shortSide, nil
}

func survey(ctx context.Context, name string) (images, shortSide int, err error) {
	k, err := kindOf(name)
	if err != nil {
		return 0, 0, err
	}
	src, err := k.open(ctx, maxSide)
	if err != nil {
		return 0, 0, err
	}
	defer src.Close()
	l, err := src.list(ctx)
	if err != nil {
		return 0, 0, err
	}
	var sides []int
	n := min(surveyed, l.n)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return 0, 0, fmt.Errorf("data: %s %s: %w while reading a few images", k.name, name, err)
		}
		at := i * l.n / n
		if t, ok := src.(*tarFile); ok && t.unzip != nil { // the last ones would need the whole archive
			at = i
		}
		decode, err := src.fetch(at)
		if err != nil {
			return 0, 0, err
		}
		if m, err := decode(); err == nil { // Open reports images that cannot be read
			sides = append(sides, min(m.H, m.W))
		}
	}
	if len(sides) == 0 {
		return l.n, 0, nil
	}
	slices.Sort(sides)
	return l.n, sides[len(sides)/2], nil
}
