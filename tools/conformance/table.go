//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/marr-ssl/marr/bench/check"
	"github.com/marr-ssl/marr/kernels/optest"
)

const head = `# What runs on which Vulkan implementation

` + "`make conformance`" + ` generates this file, on Debian 12, with implementations that need no GPU. **Ops** are checked on floats, and those of networks
on halves too, with every kernel that the device may get, against the float64 reference (` + "`marr devices --check`" + `); the largest relative error is that of a
result or a gradient. **Training** is a hundred steps of SimCLR, twice, for equal bits. **Methods** are ten steps of each method against PyTorch: in fp32, and
in mixed precision, which must be closer to float64 than PyTorch's autocast to bfloat16. "matrix units" in a name means that kernels of matrix units compute all
products in mixed precision.

GPUs cannot run here, but their compilers can: ` + "`make shaderstats`" + ` compiles every kernel for 16 GPUs of five vendors (AMD, Intel, Qualcomm, Arm,
Broadcom) and fails if one keeps registers in memory. Its tables are in [bench/shaderstats.md](../bench/shaderstats.md).

| implementation | device and driver | ops | largest error, floats and halves | training | methods, fp32 | methods, mixed | kernels |
|---|---|---|---|---|---|---|---|
`

// table returns the results as Markdown.
func table(rows []row) string {
	var b strings.Builder
	fmt.Fprint(&b, head)
	for _, r := range rows {
		r.print(&b)
	}
	for _, r := range rows {
		r.printFailures(&b)
	}
	return b.String()
}

// print writes the line of an implementation, with dashes for what `marr devices --check` did not report.
func (r row) print(w io.Writer) {
	device, ops, largest, training, family := "–", "–", "–", "–", "–"
	if r.report.NumOps > 0 {
		device, family = r.report.Device.Name+", "+r.report.Device.Driver, r.report.Family
		ops, largest = opsOf(r.report)
		training = trainingOf(r.report)
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s |", r.name, device, ops, largest, training)
	for _, mixed := range []bool{false, true} {
		passed, all := r.count(mixed)
		fmt.Fprintf(w, " %d of %d |", passed, all)
	}
	fmt.Fprintf(w, " %s |\n", family)
}

// opsOf returns how many ops passed, and the largest errors on floats and on halves.
func opsOf(r check.Report) (passed, largest string) {
	n, floats, halves := 0, optest.Distance(0), optest.Distance(0)
	for _, o := range r.Ops {
		if len(o.Failures) == 0 {
			n++
		}
		if most := max(o.Forward, o.Backward); o.OnHalves {
			halves = max(halves, most)
		} else {
			floats = max(floats, most)
		}
	}
	return fmt.Sprintf("%d of %d", n, r.NumOps), fmt.Sprintf("%.1e, %.1e", floats, halves)
}

func trainingOf(r check.Report) string {
	switch {
	case r.Twice == nil:
		return "not reached"
	case r.Twice.Differs != "":
		return "**other bits**"
	}
	return "the same bits"
}

// printFailures writes why an implementation did not pass.
func (r row) printFailures(w io.Writer) {
	if r.passed() {
		return
	}
	fmt.Fprintf(w, "\n## Failures on %s\n\n", r.name)
	for _, p := range r.problems {
		fmt.Fprintf(w, "- %s\n", p)
	}
	for _, p := range r.report.Problems {
		fmt.Fprintf(w, "- %s: %s\n", p.Part, p.Message)
	}
	for _, o := range r.report.Ops {
		printOp(w, o)
	}
	for _, t := range r.trainings {
		if !t.passed {
			fmt.Fprintf(w, "- ten steps of %v\n", t)
		}
	}
}

// printOp writes the failures of an op by case: the first, and how many more there are, with other kernels or along other directions.
func printOp(w io.Writer, o check.Op) {
	var cases []string
	first, more := map[string]optest.Failure{}, map[string]int{}
	for _, f := range o.Failures {
		if _, known := first[f.Case]; known {
			more[f.Case]++
			continue
		}
		first[f.Case], cases = f, append(cases, f.Case)
	}
	for _, c := range cases {
		fmt.Fprintf(w, "- %s: %v", o.Name, first[c])
		if more[c] > 0 {
			fmt.Fprintf(w, " (%d more checks of this case failed)", more[c])
		}
		fmt.Fprintln(w)
	}
}
