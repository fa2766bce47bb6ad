package ablate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// Reading returns what the results say, as a paragraph: what matters most, the best cell, what to leave out, and how sure that is.
func (s *Study) Reading() string {
	var out []string
	if s.Augmentations {
		out = s.readAugmentations()
	} else {
		out = s.readValues()
	}
	if len(out) == 0 {
		return "There are too few results to read."
	}
	return strings.Join(slices.Concat(out, s.readNoise(), s.readRest()), " ")
}

// place is a cell and its score.
type place struct {
	name string
	Stat
}

// best returns the places that have the score that decides, best first.
func (s *Study) best(of [][]int) (all []place) {
	for _, at := range of {
		if x := s.At(s.Score, at...); x.N > 0 {
			all = append(all, place{s.name(at), x})
		}
	}
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(b.Mean, a.Mean) })
	return all
}

// gain is what an augmentation adds to another one.
type gain struct {
	name  string
	mean  float64 // over the others, of the score of the pair less that of the other alone
	error float64 // standard error of the mean, from the deviation over seeds; NaN with one seed
	pairs int
}

// gains returns the gain of each augmentation with a known pair, largest first.
func (s *Study) gains() (all []gain) {
	names := s.Axes[0].Values
	noise := s.noise()
	for i, name := range names {
		g := gain{name: name}
		runs := math.Inf(1)
		for j := range names {
			pair, alone := s.At(s.Score, i, j), s.At(s.Score, j, j)
			if i != j && pair.N > 0 && alone.N > 0 {
				g.mean, g.pairs = g.mean+pair.Mean-alone.Mean, g.pairs+1
				runs = min(runs, float64(min(pair.N, alone.N)))
			}
		}
		if g.pairs > 0 {
			g.mean /= float64(g.pairs)
			g.error = noise * math.Sqrt(2/(runs*float64(g.pairs)))
			all = append(all, g)
		}
	}
	slices.SortStableFunc(all, func(a, b gain) int { return cmp.Compare(b.mean, a.mean) })
	return all
}

// noise returns the standard deviation of a run over seeds, pooled over the cells; NaN without a cell of two runs.
func (s *Study) noise() float64 {
	var sum, freedom float64
	seen := map[string]bool{}
	for _, r := range s.Results {
		if x := s.At(s.Score, r.At...); x.N > 1 && !seen[r.Name] {
			seen[r.Name] = true
			sum, freedom = sum+x.Std*x.Std*float64(x.N-1), freedom+float64(x.N-1)
		}
	}
	return math.Sqrt(sum / freedom) // 0/0 is NaN
}

// readAugmentations reads a map of augmentations.
func (s *Study) readAugmentations() (out []string) {
	var singles, pairs [][]int
	for i := range s.Axes[0].Values {
		singles = append(singles, []int{i, i})
		for j := range i {
			pairs = append(pairs, []int{j, i})
		}
	}
	alone, together, gains := s.best(singles), s.best(pairs), s.gains()
	if len(gains) > 0 {
		g := gains[0]
		text := fmt.Sprintf("By %s, %s matters most: added to another augmentation it changes the score by %s on average", s.judge(), g.name, s.signed(g.mean))
		if len(gains) > 1 {
			text += fmt.Sprintf("; next is %s with %s", gains[1].name, s.signed(gains[1].mean))
			if g.mean-gains[1].mean < 2*math.Hypot(g.error, gains[1].error) {
				text += ", and their order may be chance"
			}
		}
		out = append(out, text+".")
	}
	if len(alone) > 0 {
		text := fmt.Sprintf("The best single augmentation is %s with %s", alone[0].name, Format(s.Score, alone[0].Mean))
		if u, ok := s.Untrained[s.Score]; ok {
			text += fmt.Sprintf(" (untrained network: %s)", Format(s.Score, u))
		}
		out = append(out, text+".")
	}
	if len(together) > 0 {
		out = append(out, s.readLead("The best pair is", together))
		if r := s.At(s.Score); r.N > 0 {
			out = append(out, fmt.Sprintf("All augmentations of the method together reach %s.", Format(s.Score, r.Mean)))
		}
	}
	return append(out, s.readDrops(gains)...)
}

// readDrops says which augmentations lower the score of the others.
func (s *Study) readDrops(gains []gain) []string {
	var sure, maybe []string
	for _, g := range gains {
		switch {
		case g.pairs < 2 || g.mean >= 0:
		case g.mean < -2*g.error:
			sure = append(sure, fmt.Sprintf("%s (%s)", g.name, s.signed(g.mean)))
		default: // also with one seed
			maybe = append(maybe, fmt.Sprintf("%s (%s)", g.name, s.signed(g.mean)))
		}
	}
	var out []string
	if len(sure) > 0 {
		out = append(out, fmt.Sprintf("Drop %s: added to others, the score falls on average.", strings.Join(sure, ", ")))
	}
	if len(maybe) > 0 {
		out = append(out, fmt.Sprintf("Perhaps drop %s: the score falls on average, but that may be chance.", strings.Join(maybe, ", ")))
	}
	if len(out) == 0 && len(gains) > 0 && gains[0].pairs > 1 {
		out = append(out, "No augmentation lowers the score of the others on average: there is none to drop.")
	}
	return out
}

// readLead names the first of some places, the second, and whether the distance is more than chance.
func (s *Study) readLead(begin string, all []place) string {
	first := all[0]
	text := fmt.Sprintf("%s %s with %s", begin, first.name, Format(s.Score, first.Mean))
	if len(all) == 1 {
		return text + "."
	}
	second := all[1]
	lead := first.Mean - second.Mean
	text += fmt.Sprintf(", %s above %s", difference(s.Score, lead), second.name)
	switch limit := 2 * s.noise() * math.Sqrt(1/float64(first.N)+1/float64(second.N)); {
	case math.IsNaN(limit):
		return text + "."
	case lead > limit:
		return text + ", which is more than chance."
	}
	return text + ", which may be chance."
}

// readValues reads a curve, or a map of two settings.
func (s *Study) readValues() []string {
	all := s.best(s.grid())
	if len(all) == 0 {
		return nil
	}
	out := []string{s.readLead(fmt.Sprintf("By %s, the best setting is", s.judge()), all)}
	if last := all[len(all)-1]; len(all) > 1 {
		out = append(out, fmt.Sprintf("The worst is %s with %s (untrained network: %s).", last.name, Format(s.Score, last.Mean), Format(s.Score, s.Untrained[s.Score])))
	}
	for k, axis := range s.Axes {
		for _, end := range []int{0, len(axis.Values) - 1} {
			at := s.placeOf(all[0].name)
			if len(axis.Values) > 1 && at[k] == end {
				out = append(out, fmt.Sprintf("That is an end of the values of %s: try more beyond %s.", axis.Name, axis.Values[end]))
			}
		}
	}
	return out
}

// placeOf returns the place of a run by its name.
func (s *Study) placeOf(name string) []int {
	all := s.grid()
	return all[slices.IndexFunc(all, func(at []int) bool { return s.name(at) == name })]
}

// readNoise says how sure the other sentences are.
func (s *Study) readNoise() (out []string) {
	noise := s.noise()
	if math.IsNaN(noise) {
		out = append(out, "There is one seed, which cannot tell a small difference from chance: --seeds 3 adds two to each run.")
	} else {
		limit := 2 * noise * math.Sqrt(2/float64(len(s.Seeds)))
		out = append(out, fmt.Sprintf("Runs that differ in the seed alone have a standard deviation of %s: between two cells of %d seeds, a difference below %s may be chance.",
			difference(s.Score, noise), len(s.Seeds), difference(s.Score, limit)))
	}
	untrained, hasUntrained := s.Untrained[s.Score]
	best, known, below := math.Inf(-1), 0, 0
	for _, r := range s.Results {
		if v, ok := r.Scores[s.Score]; ok {
			if best, known = max(best, v), known+1; v <= untrained {
				below++
			}
		}
	}
	if s.TestImages > 0 && known > 0 {
		p := best / 100
		out = append(out, fmt.Sprintf("The choice of the %d test images alone gives an accuracy a standard error of %.1f points.", s.TestImages, 100*math.Sqrt(p*(1-p)/float64(s.TestImages))))
	}
	switch {
	case !hasUntrained || below == 0:
	case below == known:
		out = append(out, "No run is above the untrained network: they are too short to compare anything; give more --time.")
	default:
		out = append(out, fmt.Sprintf("%d of %d runs are not above the untrained network.", below, known))
	}
	return out
}

// readRest counts the runs that diverged, raised an alarm or are missing, and compares the scores with RankMe.
func (s *Study) readRest() (out []string) {
	var failed, alarmed int
	var ranks, scores []float64
	for _, r := range s.Results {
		switch {
		case r.Failure != "":
			failed++
		case len(r.Alarms) > 0:
			alarmed++
		}
		if v, ok := r.Scores[s.Score]; ok && s.Score != Rank {
			ranks, scores = append(ranks, r.Scores[Rank]), append(scores, v)
		}
	}
	if len(scores) >= 5 {
		if c := spearman(ranks, scores); !math.IsNaN(c) {
			out = append(out, fmt.Sprintf("RankMe, which needs no labels, orders the runs with a rank correlation of %.2f.", c))
		}
	}
	if s.Score == Rank {
		out = append(out, "RankMe needs no labels and is no accuracy: labeled images in --eval-data decide better.")
	}
	all := len(s.Cells())
	for _, x := range []struct {
		n    int
		text string
	}{{failed, "diverged"}, {alarmed, "raised an alarm, which ablation.json has"}, {all - len(s.Results), "are still to be trained"}} {
		if x.n > 0 {
			out = append(out, fmt.Sprintf("%d of %d runs %s.", x.n, all, x.text))
		}
	}
	return out
}

// spearman returns the correlation of the ranks of a and b. Equal numbers share the mean of their ranks.
func spearman(a, b []float64) float64 { return stat.Correlation(ranked(a), ranked(b), nil) }

func ranked(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		for _, other := range v {
			switch {
			case other < x:
				out[i]++
			case other == x:
				out[i] += 0.5
			}
		}
	}
	return out
}

// judge returns the score that decides, within a sentence.
func (s *Study) judge() string {
	if s.Score == Rank {
		return Title(Rank)
	}
	return "the " + Title(s.Score)
}

// signed returns a difference with its sign.
func (s *Study) signed(v float64) string {
	if v < 0 {
		return "−" + difference(s.Score, -v)
	}
	return "+" + difference(s.Score, v)
}
