package bench

import (
	"fmt"
	"io"
)

// WriteMarkdown writes the results as a section of RESULTS.md.
func (r *Results) WriteMarkdown(w io.Writer) {
	title := r.Date.Format("2006-01-02")
	if r.Label != "" {
		title += ", " + r.Label
	}
	fmt.Fprintf(w, "\n## %s: %s\n\n`%s`, commit %s, driver %s, Vulkan %s, %d processors, kernels %s, tune %s, %s.", title, r.Device.Name, r.Command, r.Commit,
		r.Device.Driver, r.Device.API, r.CPUs, r.InputAccess, r.Tune, r.Go)
	if r.Stopped {
		fmt.Fprint(w, " Stopped before its end.")
	}
	fmt.Fprintln(w)
	if r.Peak.FMA.Best > 0 {
		fmt.Fprintf(w, "%v.\n", r.Peak)
	}
	for _, s := range r.Steps {
		s.writeMarkdown(w)
	}
	r.writeRanks(w, (*Table).WriteMarkdown)
	if r.Training != nil {
		fmt.Fprintln(w, r.Training)
	}
	if r.Data != nil {
		for _, t := range r.Data.tables() {
			fmt.Fprintf(w, "\n%s:\n\n", t.title)
			t.WriteMarkdown(w)
		}
	}
	if len(r.Rows) > 0 {
		fmt.Fprintln(w)
		rowTable(r.Rows).WriteMarkdown(w)
	}
	for _, p := range problems(r.Rows) {
		fmt.Fprintf(w, "\nDoes not fit: %s.\n", p)
	}
}

func (s Step) writeMarkdown(w io.Writer) {
	if s.Time.Runs == 0 {
		fmt.Fprintf(w, "\n%v, memory plan only: %s.\n", s.StepOptions, s.memory())
		return
	}
	t := &Table{Head: []string{"step", "views/s", "ms per step", "views", "forward", "backward", "update", "host", "activations", "parameters", "allocated"},
		FirstNumber: 1}
	p := s.Parts
	ms := func(v float64) string { return formatNumber(v) + " ms" }
	t.Add(s.StepOptions.String(), formatNumber(s.ViewsPerS), formatNumber(s.Time.Median)+" ("+s.Time.span()+")",
		ms(p.Views), ms(p.Forward), ms(p.Backward), ms(p.Update), percent(s.HostShare),
		mebibytes(s.Activations), mebibytes(s.Parameters), mebibytes(s.Allocated))
	for _, x := range s.Peers {
		if len(x.Rounds) == 0 {
			continue
		}
		t.Add(fmt.Sprintf("PyTorch %s, %s, %s, %d threads: marr/PyTorch **%s**, %s if PyTorch paints no views (%d rounds)", x.Torch, x.Name, x.Device,
			x.Threads, formatNumber(x.Ratio), formatNumber(x.RatioWithoutViews), len(x.Rounds)),
			formatNumber(x.ViewsPerS), formatNumber(x.Ms), "", "", "", "", "", mebibytes(x.PeakMemory), "", "")
	}
	fmt.Fprintln(w)
	t.WriteMarkdown(w)
	fmt.Fprintln(w)
	s.kernelTable().WriteMarkdown(w)
}
