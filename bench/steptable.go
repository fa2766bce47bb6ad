package bench

import (
	"fmt"
	"io"
)

// topKernels is how many kernels of a step are shown; the report has all.
const topKernels = 12

// print writes a step as text.
func (s Step) print(w io.Writer) {
	if s.Time.Runs == 0 {
		fmt.Fprintf(w, "\nstep: %v, planned only: %s\n", s.StepOptions, s.memory())
		return
	}
	fmt.Fprintf(w, "\nstep: %v (median of %d)\n", s.StepOptions, s.Time.Runs)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s"+format+"\n", append([]any{name}, args...)...)
	}
	line("speed", "%s images/s, %s views/s; %s ms a step (%s)", figure(s.ImagesPerS), figure(s.ViewsPerS), figure(s.Time.Median), s.Time.span())
	p := s.Parts
	sum := p.Views + p.Forward + p.Backward + p.Update
	part := func(ms float64) string { return fmt.Sprintf("%s ms (%s)", figure(ms), percent(ms/sum)) }
	if sum > 0 {
		line("device", "views %s, forward %s, backward %s, update %s; timestamps, median of %d", part(p.Views), part(p.Forward), part(p.Backward), part(p.Update), p.Steps)
	}
	line("host", "%s ms a step, %s of it: %s", figure(s.Host), percent(s.HostShare), s.HostHow)
	line("memory", "%s", s.memory())
	for _, x := range s.Peers {
		if x.Problem != "" {
			line("PyTorch", "given up: %s", x.Problem)
		}
		if len(x.Rounds) == 0 {
			continue
		}
		line("PyTorch", "%s, %s, %s, %d threads: %s views/s, %s ms a step, %s without views, %s", x.Torch, x.Name, x.Device, x.Threads,
			figure(x.ViewsPerS), figure(x.Ms), figure(x.MsBare), mebibytes(x.PeakMemory))
		line("", "(%s)", x.Included)
		line("ours/theirs", "%s in views/s; %s against theirs without views; rounds in turn: %s", figure(x.Ratio), figure(x.RatioBare), rounds(x.Rounds))
	}
	fmt.Fprintln(w)
	s.kernelTable().text(w)
}

func (s Step) memory() string {
	return fmt.Sprintf("%s planned for activations, %s parameters and their state, %s used with host buffers", mebibytes(s.Planned), mebibytes(s.Store), mebibytes(s.Used))
}

func rounds(list []Round) (out string) {
	for i, r := range list {
		if i > 0 {
			out += ", "
		}
		out += figure(r.Ours) + "/" + figure(r.Theirs)
	}
	return out
}

// kernelTable shows where a step's time goes.
func (s Step) kernelTable() *table {
	t := &table{head: []string{"kernel", "in", "dispatches", "ms", "of the step", "GFLOP/s"}, right: 2}
	for _, k := range s.Kernels[:min(topKernels, len(s.Kernels))] {
		in, rate := "forward, update", ""
		if k.Backward {
			in = "backward"
		}
		if k.GFLOPS > 0 {
			rate = figure(k.GFLOPS)
		}
		t.add(k.Kernel, in, fmt.Sprint(k.Dispatches), figure(k.Ms), percent(k.Share), rate)
	}
	return t
}
