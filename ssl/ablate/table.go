package ablate

import (
	"fmt"
	"io"
	"strings"
)

// WriteTable writes the score that decides as text: a map with the mean of each row, or the scores of each value.
func (s *Study) WriteTable(w io.Writer) {
	if len(s.Axes) == 1 {
		s.writeCurve(w)
		return
	}
	rows, columns := s.Axes[0], s.Axes[1]
	corner := Title(s.Score)
	if !s.Augmentations {
		corner = rows.Name + " \\ " + columns.Name
	}
	width := len([]rune(corner))
	for _, v := range rows.Values {
		width = max(width, len(v))
	}
	head := fmt.Sprintf("%-*s", width, corner)
	for _, v := range columns.Values {
		head += fmt.Sprintf("  %*s", cellWidth(v), v)
	}
	fmt.Fprintln(w, head+"     mean")
	for i, v := range rows.Values {
		line := fmt.Sprintf("%-*s", width, v)
		for j, name := range columns.Values {
			line += fmt.Sprintf("  %*s", cellWidth(name), s.At(s.Score, i, j))
		}
		line += fmt.Sprintf("  %7s", s.RowMean(s.Score, i).Alone())
		fmt.Fprintln(w, line)
	}
	if x := s.At(s.Score); x.N > 0 {
		fmt.Fprintf(w, "%-*s  %s\n", width, reference, x)
	}
}

func cellWidth(name string) int { return max(len(name), len("00.0±0.0")) }

func (s *Study) writeCurve(w io.Writer) {
	axis := s.Axes[0]
	scores := s.Scores()
	head := fmt.Sprintf("%-14s", axis.Name)
	for _, score := range scores {
		head += fmt.Sprintf("  %14s", Title(score))
	}
	fmt.Fprintln(w, strings.TrimRight(head, " "))
	for i, v := range axis.Values {
		line := fmt.Sprintf("%-14s", v)
		for _, score := range scores {
			line += fmt.Sprintf("  %14s", s.At(score, i))
		}
		fmt.Fprintln(w, line)
	}
}

// Scores returns the names of the scores that the sweep has, the one that decides first.
func (s *Study) Scores() (names []string) {
	for _, name := range []string{Linear, KNN20, KNN1, Rank} {
		if _, ok := s.Untrained[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// Table is a score over all values of a sweep.
type Table struct {
	Cells    [][]Stat `json:"cells"` // by row and column; of one axis, a single row
	RowMeans []Stat   `json:"row_means,omitempty"`
	Recipe   *Stat    `json:"recipe,omitempty"` // with all augmentations of the method
}

// Table returns a score as a table.
func (s *Study) Table(score string) (t Table) {
	if len(s.Axes) == 1 {
		row := make([]Stat, len(s.Axes[0].Values))
		for i := range row {
			row[i] = s.At(score, i)
		}
		return Table{Cells: [][]Stat{row}}
	}
	for i := range s.Axes[0].Values {
		var row []Stat
		for j := range s.Axes[1].Values {
			row = append(row, s.At(score, i, j))
		}
		t.Cells, t.RowMeans = append(t.Cells, row), append(t.RowMeans, s.RowMean(score, i))
	}
	if x := s.At(score); x.N > 0 {
		t.Recipe = &x
	}
	return t
}
