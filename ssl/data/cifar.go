package data

import (
	"context"
	"fmt"
	"path/filepath"
)

// cifar is CIFAR-10 or CIFAR-100 in the binary version (A. Krizhevsky 2009, "Learning multiple layers of features from tiny images"; layout:
// www.cs.toronto.edu/~kriz/cifar.html): a label (CIFAR-100: a coarse label, which is ignored, and a fine label), then 32×32 pixels.
type cifar struct {
	planes
	classes int
	names   string // file of class names
}

// cifarClasses returns the number of classes of a file by its name; 0 if it is not a CIFAR file.
func cifarClasses(base string) int {
	batch, _ := filepath.Match("data_batch_*.bin", base)
	switch {
	case batch || base == "test_batch.bin":
		return 10
	case base == "train.bin" || base == "test.bin":
		return 100
	}
	return 0
}

func newCIFAR(paths []string) (source, error) {
	c := &cifar{planes: planes{paths: paths, side: 32}, classes: cifarClasses(filepath.Base(paths[0]))}
	c.kind, c.head, c.names = "CIFAR-10", 1, "batches.meta.txt"
	if c.classes == 100 {
		c.kind, c.head, c.names = "CIFAR-100", 2, "fine_label_names.txt"
	}
	c.names = filepath.Join(filepath.Dir(paths[0]), c.names)
	return c, c.mark(c.names)
}

func (c *cifar) list(ctx context.Context) (*listing, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	l := c.listing()
	for i := range l.n {
		b, err := c.read(i, c.head-1, 1)
		if err != nil {
			return nil, err
		}
		if int(b[0]) >= c.classes {
			file, record := c.locate(i)
			return nil, fmt.Errorf("data: %s file %s: label %d of record %d: expected 0 to %d: give an intact file of the published format",
				c.kind, c.paths[file], b[0], record, c.classes-1)
		}
		l.labels = append(l.labels, int32(b[0]))
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	var err error
	l.classes, err = classNames(c.names, c.classes)
	return l, err
}
