package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is aligned text or, as Markdown, a table of that; columns from `right` on are numbers.
type table struct {
	head  []string
	right int
	rows  [][]string // a row of one cell is a line across
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func pad(s string, width int, right bool) string {
	gap := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return gap + s
	}
	return s + gap
}

// text writes aligned columns, two blanks apart.
func (t *table) text(w io.Writer) {
	width := make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
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
			line = append(line, pad(c, width[i], i >= t.right))
		}
		fmt.Fprintln(w, strings.TrimRight("  "+strings.Join(line, "  "), " "))
	}
}

// markdown writes a table; a line across becomes a row in bold.
func (t *table) markdown(w io.Writer) {
	fmt.Fprintln(w, "| "+strings.Join(t.head, " | ")+" |")
	rule := "|"
	for i := range t.head {
		if i >= t.right {
			rule += "--:|"
		} else {
			rule += "---|"
		}
	}
	fmt.Fprintln(w, rule)
	for _, r := range t.rows {
		if len(r) == 1 {
			r = append([]string{"**" + r[0] + "**"}, make([]string, len(t.head)-1)...)
		}
		fmt.Fprintln(w, "| "+strings.Join(r, " | ")+" |")
	}
}

// figure shows a number with three digits, or all of those before the point; two where it is small.
func figure(v float64) string {
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

func percent(v float64) string { return figure(100*v) + " %" }

func mebibytes(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// span is a spread as "least–most".
func (s Spread) span() string { return figure(s.Min) + "–" + figure(s.Max) }

// rowTable shows rows under their groups.
func rowTable(rows []Row) *table {
	t := &table{head: []string{"shape", "pass", "kernel", "batch", "work", "ms", "least–most", "rate", "of peak"}, right: 4}
	group := ""
	for _, r := range rows {
		if r.Group != group {
			group = r.Group
			t.add(group)
		}
		batch := fmt.Sprint(r.Batch)
		if r.Batch != r.Full {
			batch += fmt.Sprintf(" of %d", r.Full)
		}
		work, rate := figure(r.GFLOP)+" GFLOP", figure(r.GFLOPS)+" GFLOP/s"
		if r.Memory {
			work, rate = figure(r.GB)+" GB", figure(r.GBS)+" GB/s"
		}
		if r.Problem != "" {
			t.add(r.Name, r.Pass, "does not fit", batch, work, "", "", "", "")
			continue
		}
		t.add(r.Name, r.Pass, r.Kernel, batch, work, figure(r.Time.Median), r.Time.span(), rate, percent(r.Share))
	}
	return t
}

// problems lists why rows have no figures, once each.
func problems(rows []Row) (out []string) {
	for _, r := range rows {
		if line := r.Group + ", " + r.Name + ": " + r.Problem; r.Problem != "" && (len(out) == 0 || out[len(out)-1] != line) {
			out = append(out, line)
		}
	}
	return out
}

// Print writes the report as text of at most 140 columns.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, driver %s, Vulkan %s; commit %s, kernels %s, tune %s\n", r.Device.Name, r.Device.Type, r.Device.Driver, r.Device.API, r.Commit, r.Family, r.Tune)
	if r.Peak.FMA.Best > 0 {
		fmt.Fprintln(w, r.Peak)
	}
	if len(r.Rows) > 0 {
		rowTable(r.Rows).text(w)
		for _, p := range problems(r.Rows) {
			fmt.Fprintln(w, "does not fit: "+p)
		}
	}
	for _, s := range r.Steps {
		s.print(w)
	}
	if r.Training != nil {
		fmt.Fprintln(w, r.Training)
	}
	if r.Feeding != nil {
		r.Feeding.print(w)
	}
	if r.Methods != nil {
		r.Methods.print(w)
	}
	if r.Cut {
		fmt.Fprintln(w, "stopped before its end: the rest was not measured")
	}
}

// String says what shares are stated against.
func (p Peak) String() string {
	show := func(r Rate, unit string) string {
		return fmt.Sprintf("%s %s (median %s of %d runs, %s)", figure(r.Best), unit, figure(r.Median), r.Runs, r.Kernel)
	}
	return "peak: " + show(p.FMA, "GFLOP/s") + "; copy " + show(p.Copy, "GB/s")
}
