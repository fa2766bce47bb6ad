package bench

import (
	"fmt"
	"io"
	"strings"
)

// topKernels is the number of kernels in the table of a step. The JSON has all.
const topKernels = 12

// print writes a step as text.
func (s Step) print(w io.Writer) {
	if s.Time.Runs == 0 {
		fmt.Fprintf(w, "\nstep: %v, memory plan only: %s\n", s.StepOptions, s.memory())
		return
	}
	fmt.Fprintf(w, "\nstep: %v (median of %d)\n", s.StepOptions, s.Time.Runs)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s"+format+"\n", append([]any{name}, args...)...)
	}
	line("speed", "%s images/s, %s views/s; %s ms per step (%s)",
		formatNumber(s.ImagesPerS), formatNumber(s.ViewsPerS), formatNumber(s.Time.Median), s.Time.span())
	p := s.Parts
	sum := p.Views + p.Forward + p.Backward + p.Update
	part := func(ms float64) string { return fmt.Sprintf("%s ms (%s)", formatNumber(ms), percent(ms/sum)) }
	if sum > 0 {
		line("device", "views %s, forward %s, backward %s, update %s; timestamps, median of %d",
			part(p.Views), part(p.Forward), part(p.Backward), part(p.Update), p.Steps)
	}
	line("host", "%s ms per step, %s of the step: %s", formatNumber(s.HostMs), percent(s.HostShare), s.HostClock)
	line("memory", "%s", s.memory())
	for _, x := range s.Peers {
		if x.Problem != "" {
			line("PyTorch", "failed: %s", x.Problem)
		}
		if len(x.Rounds) == 0 {
			continue
		}
		line("PyTorch", "%s, %s, %s, %d threads: %s views/s, %s ms per step (%s without views), %s", x.Torch, x.Name, x.Device, x.Threads,
			formatNumber(x.ViewsPerS), formatNumber(x.Ms), formatNumber(x.MsWithoutViews), mebibytes(x.PeakMemory))
		line("", "(%s)", x.Included)
		line("marr/PyTorch", " %s in views/s; %s if PyTorch paints no views; rounds: %s",
			formatNumber(x.Ratio), formatNumber(x.RatioWithoutViews), formatRounds(x.Rounds))
	}
	fmt.Fprintln(w)
	s.kernelTable().WriteText(w)
}

func (s Step) memory() string {
	text := fmt.Sprintf("%s planned for activations, %s for parameters and optimizer state, %s allocated including host buffers",
		mebibytes(s.Activations), mebibytes(s.Parameters), mebibytes(s.Allocated))
	if s.Traffic > 0 { // older results have none
		text += fmt.Sprintf("; kernels read and write %.1f GB a step", float64(s.Traffic)/1e9)
	}
	return text
}

// formatRounds lists the views/s of both programs in each round.
func formatRounds(rounds []Round) string {
	var out []string
	for _, r := range rounds {
		out = append(out, formatNumber(r.Marr)+"/"+formatNumber(r.PyTorch))
	}
	return strings.Join(out, ", ")
}

// kernelTable returns the kernels of a step that take the most time.
func (s Step) kernelTable() *Table {
	t := &Table{Head: []string{"kernel", "in", "dispatches", "ms", "of the step", "GFLOP/s"}, FirstNumber: 2}
	for _, k := range s.Kernels[:min(topKernels, len(s.Kernels))] {
		in, rate := "forward, update", ""
		if k.Backward {
			in = "backward"
		}
		if k.GFLOPS > 0 {
			rate = formatNumber(k.GFLOPS)
		}
		t.Add(k.Kernel, in, fmt.Sprint(k.Dispatches), formatNumber(k.Ms), percent(k.Share), rate)
	}
	return t
}
