package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/watch"
)

const (
	maxStabilityImages = 2000
	minStabilityImages = 500

	// neighborsFile holds the neighbors of the last neighborsKept measurements: one before each of the two checkpoints, and one of a process that was
	// killed before it saved.
	neighborsFile    = run.NeighborsFile
	oldNeighborsFile = "neighbours.json" // of runs that earlier versions started
	neighborsKept    = 3
	maxNeighbors     = 1 << 26 // bytes of the file
)

// stability measures without labels how the features of some training images change: their rank, and how many of their nearest neighbors stay the same.
type stability struct {
	set  *data.Set
	dir  string         // of the run
	past []neighborhood // last measurements, oldest first
}

// neighborhood holds the neighbors of a measurement.
type neighborhood struct {
	Step int       `json:"step"`
	Near [][]int32 `json:"near"` // by image, eval.Nearest
}

func (s *stability) limits() (minImages, maxImages int) {
	return min(minStabilityImages, s.set.Len()), min(maxStabilityImages, s.set.Len())
}

func (s *stability) sample(images int) []*data.Set {
	return []*data.Set{subsample(s.set, images)}
}

func (s *stability) describe(sets []*data.Set) string {
	return fmt.Sprintf("without labels, on %d of %d images", sets[0].Len(), s.set.Len())
}

// work counts a dot product for each pair, the Gram matrix of the rows that watch.Measure uses, and its eigenvalues.
func (s *stability) work(d int, sets []*data.Set) float64 {
	n := float64(sets[0].Len())
	rows, width := min(n, 512), float64(d)
	side := min(rows, width) // of the Gram matrix
	return n*n*(2*width+20) + 2*side*side*max(rows, width) + 8*side*side*side
}

// start reads the measurements of a run before it was stopped. Without them, or with another number of images, the next measurement has no neighbors to
// compare with.
func (s *stability) start(step int) {
	s.past = nil
	if step == 0 {
		return // a file in the folder belongs to another run
	}
	raw, err := net.ReadFile(filepath.Join(s.dir, neighborsFile), maxNeighbors)
	if errors.Is(err, os.ErrNotExist) {
		raw, err = net.ReadFile(filepath.Join(s.dir, oldNeighborsFile), maxNeighbors)
	}
	if err == nil {
		err = json.Unmarshal(raw, &s.past)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.past = nil
		warn(fmt.Sprintf("%v: the next measurement has no neighbors to compare with", err))
	}
}

func (s *stability) measure(ctx context.Context, step int, f []*eval.Features) (map[string]any, string, error) {
	x := f[0]
	nearest, err := eval.Nearest(ctx, x, numNeighbors)
	if err != nil {
		return nil, "", err
	}
	values, text := map[string]any{}, ""
	if m := watch.Measure(watch.Sample{Z: x.X, N: x.N, D: x.D, Accuracy: math.NaN()}); !math.IsNaN(m.Rank) {
		values["feature_rank"] = round(m.Rank)
		text = fmt.Sprintf("features have an effective rank of %.1f out of %.0f (RankMe)", m.Rank, m.MaxRank)
	}
	s.past = slices.DeleteFunc(s.past, func(p neighborhood) bool { return p.Step >= step || len(p.Near) != x.N })
	if len(s.past) > 0 {
		kept, err := eval.NeighborOverlap(s.past[len(s.past)-1].Near, nearest)
		if err != nil {
			return nil, "", err
		}
		values["neighbors_kept"] = round(kept)
		text += fmt.Sprintf(", %.1f %% of the nearest %d neighbors stayed the same", 100*kept, numNeighbors)
	}
	s.past = append(s.past, neighborhood{step, nearest})
	s.past = s.past[max(0, len(s.past)-neighborsKept):]
	if err := s.write(); err != nil {
		warn(fmt.Sprintf("%v: if the run is stopped now, its next measurement has no neighbors to compare with", err))
	}
	return values, fmt.Sprintf("%s  (%d images)", text, x.N), nil
}

func (s *stability) write() error {
	return net.WriteFileAtomic(filepath.Join(s.dir, neighborsFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(s.past) })
}
