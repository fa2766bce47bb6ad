package bench

import (
	"fmt"
	"io"
)

// Print writes the results as text of at most 140 columns.
func (r *Results) Print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, driver %s, Vulkan %s; commit %s, kernels %s, tune %s\n", r.Device.Name, r.Device.Type, r.Device.Driver, r.Device.API,
		r.Commit, r.InputAccess, r.Tune)
	if r.Stopped {
		fmt.Fprintln(w, "stopped before its end: the measurements are incomplete")
	}
	if r.Peak.FMA.Best > 0 {
		fmt.Fprintln(w, r.Peak)
	}
	if len(r.Rows) > 0 {
		rowTable(r.Rows).WriteText(w)
		for _, p := range problems(r.Rows) {
			fmt.Fprintln(w, "does not fit: "+p)
		}
	}
	for _, s := range r.Steps {
		s.print(w)
	}
	r.writeRanks(w, (*Table).WriteText)
	if r.Training != nil {
		fmt.Fprintln(w, r.Training)
	}
	if r.Data != nil {
		for _, t := range r.Data.tables() {
			fmt.Fprintf(w, "\n%s\n", t.title)
			t.WriteText(w)
		}
	}
}

// String describes the peak and how it was measured.
func (p Peak) String() string {
	show := func(r Rate, unit string) string {
		return fmt.Sprintf("%s %s (median %s of %d runs, %s)", formatNumber(r.Best), unit, formatNumber(r.Median), r.Runs, r.Kernel)
	}
	return "peak: " + show(p.FMA, "GFLOP/s") + "; copy " + show(p.Copy, "GB/s")
}

// rowTable returns a table of kernel rows with a heading for each group.
func rowTable(rows []Row) *Table {
	t := &Table{Head: []string{"shape", "pass", "kernel", "batch", "work", "ms", "min–max", "rate", "of peak"}, FirstNumber: 4}
	group := ""
	for _, r := range rows {
		if r.Group != group {
			group = r.Group
			t.Add(group)
		}
		batch := fmt.Sprint(r.Batch)
		if r.Batch != r.FullBatch {
			batch += fmt.Sprintf(" of %d", r.FullBatch)
		}
		work, rate := formatNumber(r.GFLOP)+" GFLOP", formatNumber(r.GFLOPS)+" GFLOP/s"
		if r.MemoryBound {
			work, rate = formatNumber(r.GB)+" GB", formatNumber(r.GBS)+" GB/s"
		}
		if r.Problem != "" {
			t.Add(r.Name, r.Pass, "does not fit", batch, work, "", "", "", "")
			continue
		}
		t.Add(r.Name, r.Pass, r.Kernel, batch, work, formatNumber(r.Time.Median), r.Time.span(), rate, percent(r.Share))
	}
	return t
}

// problems returns the reasons why rows have no measurements, each once.
func problems(rows []Row) (out []string) {
	for _, r := range rows {
		if line := r.Group + ", " + r.Name + ": " + r.Problem; r.Problem != "" && (len(out) == 0 || out[len(out)-1] != line) {
			out = append(out, line)
		}
	}
	return out
}
