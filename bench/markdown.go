package bench

import (
	"bufio"
	"fmt"
	"io"
)

// Markdown writes reports as the tables of RESULTS.md, in the order given.
func Markdown(w io.Writer, reports []*Report) error {
	out := bufio.NewWriter(w)
	for _, r := range reports {
		r.markdown(out)
	}
	return out.Flush()
}

func (r *Report) markdown(w io.Writer) {
	title := r.Date.Format("2006-01-02")
	if r.Label != "" {
		title += ", " + r.Label
	}
	fmt.Fprintf(w, "\n## %s: %s\n\n`%s`, commit %s, driver %s, Vulkan %s, %d processors, kernels %s, tune %s, %s.", title, r.Device.Name, r.Command, r.Commit,
		r.Device.Driver, r.Device.API, r.CPUs, r.Family, r.Tune, r.Go)
	if r.Cut {
		fmt.Fprint(w, " Stopped before its end.")
	}
	fmt.Fprintln(w)
	if r.Peak.FMA.Best > 0 {
		fmt.Fprintf(w, "%v.\n", r.Peak)
	}
	for _, s := range r.Steps {
		s.markdown(w)
	}
	if r.Training != nil {
		fmt.Fprintln(w, r.Training)
	}
	if r.Feeding != nil {
		r.Feeding.markdown(w)
	}
	if r.Methods != nil {
		r.Methods.markdown(w)
	}
	if len(r.Rows) > 0 {
		fmt.Fprintln(w)
		rowTable(r.Rows).markdown(w)
	}
	for _, p := range problems(r.Rows) {
		fmt.Fprintf(w, "\nDoes not fit: %s.\n", p)
	}
}

func (s Step) markdown(w io.Writer) {
	if s.Time.Runs == 0 {
		fmt.Fprintf(w, "\n%v, planned only: %s.\n", s.StepOptions, s.memory())
		return
	}
	t := &table{head: []string{"step", "views/s", "ms a step", "views", "forward", "backward", "update", "host", "planned", "parameters", "used"}, right: 1}
	p := s.Parts
	ms := func(v float64) string { return figure(v) + " ms" }
	t.add(s.StepOptions.String(), figure(s.ViewsPerS), figure(s.Time.Median)+" ("+s.Time.span()+")", ms(p.Views), ms(p.Forward), ms(p.Backward), ms(p.Update),
		percent(s.HostShare), mebibytes(s.Planned), mebibytes(s.Store), mebibytes(s.Used))
	for _, x := range s.Peers {
		if len(x.Rounds) == 0 {
			continue
		}
		t.add(fmt.Sprintf("PyTorch %s, %s, %s, %d threads: ours/theirs **%s**, against theirs without views %s (%d rounds)", x.Torch, x.Name, x.Device,
			x.Threads, figure(x.Ratio), figure(x.RatioBare), len(x.Rounds)),
			figure(x.ViewsPerS), figure(x.Ms), "", "", "", "", "", mebibytes(x.PeakMemory), "", "")
	}
	fmt.Fprintln(w)
	t.markdown(w)
	fmt.Fprintln(w)
	s.kernelTable().markdown(w)
}
