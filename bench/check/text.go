package check

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels/optest"
)

const system = runtime.GOOS + "/" + runtime.GOARCH

// What one page has room for.
const (
	shownOps      = 8   // failed ops with their failures; more are named
	shownFailures = 3   // of an op
	shownText     = 150 // characters of a failure
)

// Print writes the report as one page of text.
func (r *Report) Print(w io.Writer) {
	d := r.Device
	fmt.Fprintf(w, "device    %s (%s), driver %s, Vulkan %s\nmarr      %s, %s; %s kernels, inputs read %s\n", d.Name, d.Type, d.Driver, d.API,
		r.Version, r.System, r.Family, r.InputAccess)
	r.printOps(w)
	if t := r.Twice; t != nil {
		verdict := "the same bits both times"
		if t.Differs != "" {
			verdict = "DIFFERENT BITS"
		}
		fmt.Fprintf(w, "training  %d steps of %s, twice: %s; loss %.3f → %.3f, %.0f images/s\n", t.Steps, t.Arch, verdict, t.FirstLoss, t.LastLoss, t.ImagesPerS)
	}
	if r.Peak.FMA.Best > 0 {
		fmt.Fprintf(w, "rates     %.0f GFLOP/s (fp32), %.1f GB/s copied\n", r.Peak.FMA.Best, r.Peak.Copy.Best)
	} else if r.Twice != nil && d.Limits.TimestampBits == 0 {
		fmt.Fprintln(w, "rates     not measured: the device has no timestamps")
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "FAILED    %s: %s\n", p.Part, shorten(p.Message))
	}
	verdict := "everything passed"
	if failed := r.Failed(); len(failed) > 0 {
		verdict = "FAILED: " + strings.Join(failed, ", ")
	} else if r.Stopped {
		verdict = "stopped before its end"
	}
	fmt.Fprintf(w, "result    %s, %.0f s\n", verdict, r.Seconds)
}

// printOps writes the numbers of ops and cases, and the first failures.
func (r *Report) printOps(w io.Writer) {
	var cases, passed int
	var seconds float64
	largest := map[bool]optest.Distance{} // by OnHalves
	for _, op := range r.Ops {
		cases, seconds = cases+op.Cases, seconds+op.Seconds
		largest[op.OnHalves] = max(largest[op.OnHalves], op.Forward, op.Backward)
		if len(op.Failures) == 0 {
			passed++
		}
	}
	onHalves := ""
	if d, ok := largest[true]; ok {
		onHalves = fmt.Sprintf(", %.2g on halves", float64(d))
	}
	fmt.Fprintf(w, "ops       %d of %d pass with every kernel that they may get (%d cases, %.0f s); largest error %.2g%s\n", passed, r.NumOps, cases, seconds,
		float64(largest[false]), onHalves)
	if left := r.NumOps - len(r.Ops); left > 0 {
		fmt.Fprintf(w, "          %d were not reached\n", left)
	}
	shown := 0
	for _, op := range r.Ops {
		if len(op.Failures) == 0 {
			continue
		}
		if shown++; shown > shownOps {
			break
		}
		fmt.Fprintf(w, "FAILED    %s: %d checks of %d cases\n", op.Name, len(op.Failures), op.Cases)
		for _, f := range distinct(op.Failures, shownFailures) {
			fmt.Fprintf(w, "          %s\n", shorten(f.String()))
		}
	}
}

// distinct returns the first n failures with different messages: the same failure in several setups is shown once.
func distinct(failures []optest.Failure, n int) (out []optest.Failure) {
	for _, f := range failures {
		if len(out) < n && !slices.ContainsFunc(out, func(g optest.Failure) bool { return g.Message == f.Message }) {
			out = append(out, f)
		}
	}
	return out
}

// shorten returns the beginning of a text as one line.
func shorten(text string) string {
	line := []rune(strings.ReplaceAll(text, "\n", "; "))
	if len(line) > shownText {
		return string(line[:shownText]) + " …"
	}
	return string(line)
}
