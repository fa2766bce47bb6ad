package main

import (
	"fmt"
	"strings"

	"marr/kernels/optest"
)

// table returns the results as Markdown.
func table(rows []row) string {
	var b strings.Builder
	fmt.Fprint(&b, `# What runs on which Vulkan implementation

`+"`make conformance`"+` generates this file, on Debian 12, with implementations that need no GPU. Ops: each one on floats and those of networks on halves,
with every kernel that the device may get, against the float64 reference; the largest relative error of a result or a gradient. Training: a hundred steps
of SimCLR, twice, for equal bits. Methods: ten steps of each method against PyTorch, in fp32 and mixed precision.

| implementation | device and driver | ops | largest error, floats and halves | training | methods | kernels |
|---|---|---|---|---|---|---|
`)
	for _, r := range rows {
		passed, floats, halves := 0, optest.Distance(0), optest.Distance(0)
		for _, o := range r.report.Ops {
			if len(o.Failures) == 0 {
				passed++
			}
			if most := max(o.Forward, o.Backward); o.OnHalves {
				halves = max(halves, most)
			} else {
				floats = max(floats, most)
			}
		}
		training := "not reached"
		if t := r.report.Twice; t != nil {
			training = "the same bits"
			if t.Differs != "" {
				training = "**other bits**"
			}
		}
		fmt.Fprintf(&b, "| %s | %s, %s | %d of %d | %.1e, %.1e | %s | %d of %d | %s |\n", r.name, r.report.Device.Name, r.report.Device.Driver, passed, r.report.NumOps,
			floats, halves, training, len(r.steps), len(r.steps)+len(r.failed), r.report.Family)
	}
	for _, r := range rows {
		if r.passed() {
			continue
		}
		fmt.Fprintf(&b, "\n## Failures on %s\n\n", r.name)
		for _, p := range r.report.Problems {
			fmt.Fprintf(&b, "- %s: %s\n", p.Part, p.Message)
		}
		for _, o := range r.report.Ops {
			for _, f := range o.Failures {
				fmt.Fprintf(&b, "- %s: %v\n", o.Name, f)
			}
		}
		for _, name := range r.failed {
			fmt.Fprintf(&b, "- ten steps of %s\n", name)
		}
	}
	return b.String()
}
