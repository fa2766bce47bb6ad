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
	settlingImages = 2000 // at most this many are looked at
	settlingLeast  = 500

	// neighboursFile holds the neighbours of the last measurements: those before the newest checkpoint, the one before it, and what a process found
	// that died before it saved.
	neighboursFile = "neighbours.json"
	neighboursKept = 3
)

// settling measures without labels how the features of some training images settle: their rank, and how many of their neighbours stay.
type settling struct {
	set  *data.Set
	dir  string // of the run
	past []neighbourhood
}

// neighbourhood is what a measurement found.
type neighbourhood struct {
	Step int       `json:"step"`
	Near [][]int32 `json:"near"` // by image, eval.Nearest
}

func (s *settling) limits() (least, most int) {
	return min(settlingLeast, s.set.Len()), min(settlingImages, s.set.Len())
}

func (s *settling) pick(images int) []*data.Set {
	return []*data.Set{spread(s.set, images)}
}

func (s *settling) about(sets []*data.Set) string {
	return fmt.Sprintf("without labels, on %d of %d images", sets[0].Len(), s.set.Len())
}

// work is a dot product a pair, the Gram matrix of the rows that watch.Measure takes, and its eigenvalues.
func (s *settling) work(d int, sets []*data.Set) float64 {
	n := float64(sets[0].Len())
	rows, wide := min(n, 512), float64(d)
	small := min(rows, wide)
	return n*n*(2*wide+20) + 2*small*small*max(rows, wide) + 8*small*small*small
}

// begin recalls what was measured before a run was stopped; without that, or with another number of images, the next measurement has nothing to
// compare with.
func (s *settling) begin(step int) {
	s.past = nil
	if step == 0 {
		return // what lies in the folder is of another run
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, neighboursFile))
	if err == nil {
		err = json.Unmarshal(raw, &s.past)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.past = nil
		warn(fmt.Sprintf("%v: the next measurement has no neighbours to compare with", err))
	}
}

func (s *settling) measure(step int, f []*eval.Features) (map[string]any, string, error) {
	x := f[0]
	near, err := eval.Nearest(x, judgeNeighbour)
	if err != nil {
		return nil, "", err
	}
	values, text := map[string]any{}, ""
	if r := watch.Measure(watch.Sample{Z: x.X, N: x.N, D: x.D, Accuracy: math.NaN()}); r.Rank == r.Rank {
		values["feature_rank"] = round(r.Rank)
		text = fmt.Sprintf("features fill %.1f of %.0f dimensions (RankMe)", r.Rank, r.MaxRank)
	}
	s.past = slices.DeleteFunc(s.past, func(p neighbourhood) bool { return p.Step >= step || len(p.Near) != x.N })
	if len(s.past) > 0 {
		kept, err := watch.NeighborOverlap(s.past[len(s.past)-1].Near, near)
		if err != nil {
			return nil, "", err
		}
		values["neighbours_kept"] = round(kept)
		text += fmt.Sprintf(", %.1f %% of each image's nearest %d stayed", 100*kept, judgeNeighbour)
	}
	s.past = append(s.past, neighbourhood{step, near})
	s.past = s.past[max(0, len(s.past)-neighboursKept):]
	if err := s.write(); err != nil {
		warn(fmt.Sprintf("%v: were the run stopped now, its next measurement would have no neighbours to compare with", err))
	}
	return values, fmt.Sprintf("%s  (%d images)", text, x.N), nil
}

func (s *settling) write() error {
	return net.WriteFileAtomic(filepath.Join(s.dir, neighboursFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(s.past) })
}
