package eval

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/parallel"
	"github.com/marr-ssl/marr/vk"
)

// Duplicate is an image of a group, with the image of the group that is most similar to it.
type Duplicate struct {
	Image, Nearest int
	Similarity     float64 // cosine of both, rounded to six decimals
}

// Duplicates returns the groups of images that are alike: two images are in one group if a chain of pairs connects them, each with a cosine of at least
// threshold. Images of a group are in the order of the set. The group with the most similar pair comes first; among equal ones that with the earlier image.
// Labels are not used. progress, which may be nil, is called with the number of pairs that were compared, of all.
//
// A device compares all N·(N−1)/2 pairs, block by block. It returns the largest cosine of each window of 64 pairs alone, and the host computes those of
// the windows that may reach the threshold. So the result does not depend on how the device rounds. Memory is O(N), however many pairs are alike.
//
// Errors: a threshold outside 0 … 1, features that are not finite; ctx.Err() once ctx is done.
func Duplicates(ctx context.Context, dev *vk.Device, f *Features, threshold float64, progress func(done, total int)) ([][]Duplicate, error) {
	if !(threshold > 0 && threshold <= 1) {
		return nil, fmt.Errorf("eval: duplicates: threshold %v: expected a number above 0, up to 1", threshold)
	}
	if err := f.checkValues("duplicates"); err != nil {
		return nil, err
	}
	st := kernels.NewStore(dev)
	defer st.Free()
	c, err := newComparison(st, f)
	if err != nil {
		return nil, err
	}
	defer c.program.Free()
	links := newForest(f.N)
	done, total := 0, f.N*(f.N-1)/2
	err = c.eachBlock(ctx, func(rows, cols int, largest []float32) {
		c.pairs(rows, cols, largest, threshold, links)
		if done += c.numPairs(rows, cols); progress != nil {
			progress(done, total)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("eval: duplicates: %w", err)
	}
	return links.groups(), nil
}

const (
	window   = 8    // rows and columns of a window of pairs
	maxBlock = 2048 // largest side of a block of pairs

	// rounding bounds the error of a cosine on the device: the sum of 8192 products of numbers whose squares sum to 1, in float32.
	rounding = 1e-3
)

// comparison computes cosines of pairs of images in blocks of side × side.
type comparison struct {
	program *kernels.Program
	rows    *matrix // normalized
	side    int
	stride  int // of a row on the device
}

func newComparison(st *kernels.Store, f *Features) (*comparison, error) {
	const unit = window * window
	side := (min(f.N, maxBlock) + unit - 1) / unit * unit
	for side > unit && 2*float64(side)*float64(side)*float64(f.D) > st.Device().WorkBudget() {
		side -= unit
	}
	c := &comparison{rows: normalized(f, 1), side: side}
	var err error
	c.program, err = kernels.Build(st.Device(), st, func(g *kernels.Graph) {
		a, b := g.Input("rows", kernels.F32, side, f.D), g.Input("columns", kernels.F32, side, f.D)
		c.stride = a.Stride()
		cosines := kernels.MatMul(a, b, false, true)
		// Columns as [side/8 8], so that a window has 8 of each eighth column: the channels of a pixel are not pooled.
		g.Output("largest", kernels.MaxPool2D(kernels.Reshape(cosines, 1, side, side/window, window), window, window, 0))
	})
	return c, err
}

// eachBlock computes the blocks on the diagonal and above it. It calls yield for each, with its first row and column and the largest cosine of each window.
func (c *comparison) eachBlock(ctx context.Context, yield func(rows, cols int, largest []float32)) error {
	type part struct {
		run        *kernels.Run
		rows, cols int
	}
	var inFlight []part
	collect := func(most int) error {
		for len(inFlight) > most {
			p := inFlight[0]
			inFlight = inFlight[1:]
			if err := p.run.Wait(); err != nil {
				return err
			}
			yield(p.rows, p.cols, p.run.Output("largest"))
		}
		return nil
	}
	for rows := 0; rows < c.rows.n; rows += c.side {
		for cols := rows; cols < c.rows.n && ctx.Err() == nil; cols += c.side {
			if err := collect(1); err != nil {
				return err
			}
			r, err := c.program.Segment("main").Begin()
			if err != nil {
				return err
			}
			c.fill(r.Floats("rows"), rows)
			c.fill(r.Floats("columns"), cols)
			if err := r.Submit(); err != nil {
				return err
			}
			inFlight = append(inFlight, part{r, rows, cols})
		}
	}
	if err := collect(0); err != nil {
		return err
	}
	return ctx.Err()
}

// fill copies a block of rows for the device. Rows behind the last are zeros.
func (c *comparison) fill(dst []float32, first int) {
	clear(dst)
	for i := range min(c.side, c.rows.n-first) {
		copy(dst[i*c.stride:(i+1)*c.stride], c.rows.row(first+i))
	}
}

// numPairs returns the number of pairs of different images in a block.
func (c *comparison) numPairs(rows, cols int) int {
	h, w := min(c.side, c.rows.n-rows), min(c.side, c.rows.n-cols)
	if rows == cols {
		return h * (h - 1) / 2
	}
	return h * w
}

// pairs adds the pairs of a block whose cosine reaches the threshold.
func (c *comparison) pairs(rows, cols int, largest []float32, threshold float64, to *forest) {
	across := c.side / window // windows in eight rows
	found := make([][]link, across)
	parallel.Each(across, func(p int) {
		for k, v := range largest[p*across:][:across] {
			if float64(v) >= threshold-rounding {
				found[p] = c.pairsOf(found[p], rows+p*window, cols+k/window*window*window+k%window, threshold)
			}
		}
	})
	for _, links := range found {
		for _, l := range links {
			to.add(l)
		}
	}
}

// pairsOf appends the pairs of a window, which has eight rows and each eighth column.
func (c *comparison) pairsOf(links []link, top, left int, threshold float64) []link {
	for a := top; a < min(top+window, c.rows.n); a++ {
		for b := left; b < min(left+window*window, c.rows.n); b += window {
			if b <= a {
				continue
			}
			if s := similarity(c.rows.row(a), c.rows.row(b)); s >= threshold {
				links = append(links, link{int32(a), int32(b), s})
			}
		}
	}
	return links
}

// link is a pair of images that are alike, a < b.
type link struct {
	a, b       int32
	similarity float64
}

// forest holds links. When it has many, it keeps those of a maximum spanning forest alone (Kruskal's algorithm), which connect the same images, by the most
// similar pairs.
type forest struct {
	links []link
	most  int
	root  []int32 // scratch: an image of the same tree, by image
}

func newForest(images int) *forest {
	return &forest{most: 4*images + 1<<16, root: make([]int32, images)}
}

func (f *forest) add(l link) {
	if f.links = append(f.links, l); len(f.links) == f.most {
		f.reduce()
	}
}

// find returns the image that stands for the tree of an image.
func (f *forest) find(i int32) int32 {
	for f.root[i] != i {
		f.root[i] = f.root[f.root[i]]
		i = f.root[i]
	}
	return i
}

// reduce keeps the links of a maximum spanning forest, the most similar pair first. Among equal ones the earlier comes first.
func (f *forest) reduce() {
	slices.SortFunc(f.links, func(x, y link) int {
		return cmp.Or(cmp.Compare(y.similarity, x.similarity), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	for i := range f.root {
		f.root[i] = int32(i)
	}
	kept := f.links[:0]
	for _, l := range f.links {
		if a, b := f.find(l.a), f.find(l.b); a != b {
			f.root[max(a, b)] = min(a, b)
			kept = append(kept, l)
		}
	}
	f.links = kept
}

// groups returns the trees. The most similar pair of an image is in every maximum spanning forest.
func (f *forest) groups() (out [][]Duplicate) {
	f.reduce()
	members, nearest, most := map[int32][]int32{}, map[int32]link{}, map[int32]float64{}
	for _, l := range f.links {
		root := f.find(l.a)
		most[root] = max(most[root], l.similarity)
		for _, i := range []int32{l.a, l.b} {
			if _, known := nearest[i]; !known {
				nearest[i] = l
				members[root] = append(members[root], i)
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(members), func(a, b int32) int { // a root is the first image of its group
		return cmp.Or(cmp.Compare(most[b], most[a]), cmp.Compare(a, b))
	})
	for _, root := range order {
		var group []Duplicate
		slices.Sort(members[root])
		for _, i := range members[root] {
			l := nearest[i]
			group = append(group, Duplicate{int(i), int(l.a + l.b - i), l.similarity})
		}
		out = append(out, group)
	}
	return out
}
