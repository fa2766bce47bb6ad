package ablate

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// Axis is a setting that a sweep changes, and the values that it takes.
type Axis struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Cell is one run of a sweep.
type Cell struct {
	Name string `json:"name"`
	At   []int  `json:"at,omitempty"` // index of its value on each axis; nil: the run with the method's own settings, beside the map
	Seed uint64 `json:"seed"`
}

// Result is what a run came to.
type Result struct {
	Cell
	Steps   int                `json:"steps"`
	Seconds float64            `json:"seconds"`          // of training and judging; less for a run that was stopped and continued
	Scores  map[string]float64 `json:"scores,omitempty"` // by name; none after a failure
	Alarms  []string           `json:"alarms,omitempty"` // of the collapse watch
	Failure string             `json:"failure,omitempty"`
}

// Study is a sweep and its results so far.
type Study struct {
	Augmentations bool               `json:"augmentations"` // both axes are the augmentations of the views: a pair is one cell, a single one is on the diagonal
	Axes          []Axis             `json:"axes"`
	Seeds         []uint64           `json:"seeds"`
	Score         string             `json:"score"` // the name of the score that decides
	TestImages    int                `json:"test_images,omitempty"`
	Untrained     map[string]float64 `json:"untrained"`
	Results       []Result           `json:"results"`
}

// The scores of a run. All but Rank and Loss are accuracies in percent.
const (
	Linear = "linear" // linear probe on frozen features
	KNN20  = "knn20"
	KNN1   = "knn1"
	Rank   = "rank" // RankMe of the features, without labels
	Loss   = "loss" // mean over the last epoch; comparable only between runs of one loss and the same views
)

// reference is the name of the run with the method's own augmentations.
const reference = "recipe"

// Cells returns all runs of the sweep in the order in which an interrupted one says most: seed by seed, and within a seed of augmentations the recipe, the
// single ones, pairs with the first, and the other pairs.
func (s *Study) Cells() (cells []Cell) {
	for _, seed := range s.Seeds {
		if !s.Augmentations {
			for _, at := range s.grid() {
				cells = append(cells, Cell{s.name(at), at, seed})
			}
			continue
		}
		cells = append(cells, Cell{reference, nil, seed})
		n := len(s.Axes[0].Values)
		for i := range n {
			cells = append(cells, Cell{s.name([]int{i, i}), []int{i, i}, seed})
		}
		for i := range n {
			for j := i + 1; j < n; j++ {
				cells = append(cells, Cell{s.name([]int{i, j}), []int{i, j}, seed})
			}
		}
	}
	return cells
}

// grid returns the places of all values, the last axis fastest.
func (s *Study) grid() (all [][]int) {
	all = [][]int{nil}
	for _, a := range s.Axes {
		var next [][]int
		for _, at := range all {
			for i := range a.Values {
				next = append(next, append(slices.Clone(at), i))
			}
		}
		all = next
	}
	return all
}

// name returns the name of the run at a place.
func (s *Study) name(at []int) string {
	if s.Augmentations {
		names := s.Axes[0].Values
		if at[0] == at[1] {
			return names[at[0]]
		}
		return names[at[0]] + "+" + names[at[1]]
	}
	var parts []string
	for axis, i := range at {
		parts = append(parts, s.Axes[axis].Name+"="+s.Axes[axis].Values[i])
	}
	return strings.Join(parts, ",")
}

// Ops returns the augmentations of a cell; nil for the recipe.
func (s *Study) Ops(c Cell) (names []string) {
	for k, i := range c.At {
		if k == 0 || i != c.At[0] {
			names = append(names, s.Axes[k].Values[i])
		}
	}
	return names
}

// Find returns the result of a cell, nil if there is none.
func (s *Study) Find(c Cell) *Result {
	i := slices.IndexFunc(s.Results, func(r Result) bool { return r.Name == c.Name && r.Seed == c.Seed })
	if i < 0 {
		return nil
	}
	return &s.Results[i]
}

// Stat is a score over seeds.
type Stat struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"` // sample standard deviation (n − 1); 0 for one seed
	N    int     `json:"n"`   // 0: there is no score
}

func newStat(values []float64) Stat {
	switch len(values) {
	case 0:
		return Stat{}
	case 1:
		return Stat{values[0], 0, 1}
	}
	mean, std := stat.MeanStdDev(values, nil)
	return Stat{mean, std, len(values)}
}

// String returns the mean and its deviation.
func (x Stat) String() string {
	switch {
	case x.N == 0:
		return "–"
	case x.N > 1:
		return fmt.Sprintf("%.1f±%.1f", x.Mean, x.Std)
	}
	return fmt.Sprintf("%.1f", x.Mean)
}

// Alone returns the mean without its deviation.
func (x Stat) Alone() Stat { return Stat{Mean: x.Mean, N: min(x.N, 1)} }

// At returns a score of the runs at a place; without one that of the recipe.
func (s *Study) At(score string, at ...int) Stat {
	if s.Augmentations && len(at) > 0 {
		at = []int{min(at[0], at[1]), max(at[0], at[1])}
	}
	var values []float64
	for _, r := range s.Results {
		if v, ok := r.Scores[score]; ok && slices.Equal(r.At, at) {
			values = append(values, v)
		}
	}
	return newStat(values)
}

// Has reports whether a run at a place has a score: there is something to paint.
func (s *Study) Has(score string) bool {
	return slices.ContainsFunc(s.grid(), func(at []int) bool { return s.At(score, at...).N > 0 })
}

// RowMean returns the mean of the scores of a row of a map, as far as they are known, with the number of its cells.
func (s *Study) RowMean(score string, row int) Stat {
	var values []float64
	for column := range s.Axes[1].Values {
		if x := s.At(score, row, column); x.N > 0 {
			values = append(values, x.Mean)
		}
	}
	return newStat(values)
}

// Format returns a score with its unit.
func Format(score string, v float64) string {
	if IsPercent(score) {
		return fmt.Sprintf("%.1f %%", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// difference returns a difference between scores with its unit.
func difference(score string, v float64) string {
	if IsPercent(score) {
		return fmt.Sprintf("%.1f points", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// IsPercent reports whether a score is an accuracy in percent.
func IsPercent(score string) bool { return score == Linear || score == KNN20 || score == KNN1 }

// Title returns a score in words.
func Title(score string) string {
	switch score {
	case Linear:
		return "linear probe"
	case KNN20:
		return "kNN, k = 20"
	case KNN1:
		return "kNN, k = 1"
	case Rank:
		return "RankMe"
	}
	return score
}
