package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is a table that is written as aligned text or as Markdown.
type Table struct {
	Head        []string
	FirstNumber int // the first column that is aligned to the right; all columns after it are too
	rows        [][]string
}

// Add appends a row. A single cell makes a heading across all columns.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

func pad(s string, width int, right bool) string {
	gap := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return gap + s
	}
	return s + gap
}

// WriteText writes aligned columns, separated by two spaces.
func (t *Table) WriteText(w io.Writer) {
	width := make([]int, len(t.Head))
	all := append([][]string{t.Head}, t.rows...)
	for _, r := range all {
		for i, c := range r {
			if len(r) > 1 {
				width[i] = max(width[i], utf8.RuneCountInString(c))
			}
		}
	}
	for _, r := range all {
		if len(r) == 1 {
			fmt.Fprintln(w, "\n"+r[0])
			continue
		}
		var line []string
		for i, c := range r {
			line = append(line, pad(c, width[i], i >= t.FirstNumber))
		}
		fmt.Fprintln(w, strings.TrimRight("  "+strings.Join(line, "  "), " "))
	}
}

// WriteMarkdown writes a Markdown table. Headings become rows in bold type.
func (t *Table) WriteMarkdown(w io.Writer) {
	fmt.Fprintln(w, "| "+strings.Join(t.Head, " | ")+" |")
	rule := "|"
	for i := range t.Head {
		if i >= t.FirstNumber {
			rule += "--:|"
		} else {
			rule += "---|"
		}
	}
	fmt.Fprintln(w, rule)
	for _, r := range t.rows {
		if len(r) == 1 {
			r = append([]string{"**" + r[0] + "**"}, make([]string, len(t.Head)-1)...)
		}
		fmt.Fprintln(w, "| "+strings.Join(r, " | ")+" |")
	}
}

// formatNumber formats a number with three significant digits, more if its integer part has more, and two below 0.1.
func formatNumber(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

func percent(v float64) string { return formatNumber(100*v) + " %" }

func mebibytes(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
