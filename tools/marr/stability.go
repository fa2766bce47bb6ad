package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"marr/net"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/ssl/watch"
)

const (
	maxStabilityImages = 2000 // at most this many are used
	minStabilityImages = 500

	// neighborsFile holds the neighbors of the last measurements: those before the newest checkpoint, those before the one before it, and those of a process
	// that was killed before it saved.
	neighborsFile = "neighbours.json"
	neighborsKept = 3
)

// stability measures without labels how the features of some training images change: their rank, and how many of their nearest neighbors stay the same.
type stability struct {
	set  *data.Set
	dir  string // of the run
	past []neighborhood
}

// neighborhood is the neighbors of a measurement.
type neighborhood struct {
	Step int       `json:"step"`
	Near [][]int32 `json:"near"` // by image, eval.Nearest
}

func (s *stability) limits() (least, most int) {
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
	rows, wide := min(n, 512), float64(d)
	small := min(rows, wide)
	return n*n*(2*wide+20) + 2*small*small*max(rows, wide) + 8*small*small*small
}

// start reads the measurements from before a run was stopped. Without them, or with another number of images, the next measurement has nothing to
// compare with.
func (s *stability) start(step int) {
	s.past = nil
	if step == 0 {
		return // the file in the folder is of another run
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, neighborsFile))
	if err == nil {
		err = json.Unmarshal(raw, &s.past)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.past = nil
		warn(fmt.Sprintf("%v: the next measurement has no neighbors to compare with", err))
	}
}

func (s *stability) measure(step int, f []*eval.Features) (map[string]any, string, error) {
	x := f[0]
	near, err := eval.Nearest(x, numNeighbors)
	if err != nil {
		return nil, "", err
	}
	values, text := map[string]any{}, ""
	if r := watch.Measure(watch.Sample{Z: x.X, N: x.N, D: x.D, Accuracy: math.NaN()}); r.Rank == r.Rank {
		values["feature_rank"] = round(r.Rank)
		text = fmt.Sprintf("features have an effective rank of %.1f out of %.0f (RankMe)", r.Rank, r.MaxRank)
	}
	s.past = slices.DeleteFunc(s.past, func(p neighborhood) bool { return p.Step >= step || len(p.Near) != x.N })
	if len(s.past) > 0 {
		kept, err := eval.NeighborOverlap(s.past[len(s.past)-1].Near, near)
		if err != nil {
			return nil, "", err
		}
		values["neighbours_kept"] = round(kept)
		text += fmt.Sprintf(", %.1f %% of the nearest %d neighbors stayed the same", 100*kept, numNeighbors)
	}
	s.past = append(s.past, neighborhood{step, near})
	s.past = s.past[max(0, len(s.past)-neighborsKept):]
	if err := s.write(); err != nil {
		warn(fmt.Sprintf("%v: if the run is stopped now, its next measurement has no neighbors to compare with", err))
	}
	return values, fmt.Sprintf("%s  (%d images)", text, x.N), nil
}

func (s *stability) write() error {
	return net.WriteFileAtomic(filepath.Join(s.dir, neighborsFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(s.past) })
}
