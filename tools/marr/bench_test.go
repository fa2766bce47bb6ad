package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/bench"
)

// The smallest network: results, comparison and Markdown.
func TestBenchComparesAStepWithAnOlderResult(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "step.json")
	step := []string{"bench", "step", "--arch", "resnet10", "--width", "4", "--batch", "8", "--size", "16", "--steps", "2"}
	out := ok(t, append(step, "--json", path, "--label", "first")...)
	for _, want := range []string{"step: resnet10, stem strided, width 4, batch 8, 16 px (median of 2)", "views/s", "host ", "planned", "of the step"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	r, err := bench.ReadResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 1 || r.Label != "first" || r.Stopped || r.Device.Name == "" || !strings.Contains(r.Command, "bench step") {
		t.Errorf("%+v", r)
	}
	if out = ok(t, append(step, "--against", path)...); !strings.Contains(out, "speed-up over first, ") || !strings.Contains(out, "geometric mean of 1") {
		t.Errorf("no speed-up in\n%s", out)
	}
	if out = ok(t, "bench", "table", path, path); strings.Count(out, "\n## ") != 2 {
		t.Errorf("want two sections in\n%s", out)
	}
}

func TestBenchMeasuresOnlyTheRowsThatTheFilterMatches(t *testing.T) {
	long(t)
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.json")
	out := ok(t, "bench", "kernels", "--filter", "narrow.*16→32 .*(forward|dgrad)|4096", "--runs", "1", "--json", path)
	r, err := bench.ReadResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) < 4 || r.Peak.FMA.Best == 0 || !strings.Contains(out, "peak: ") {
		t.Errorf("%d rows, %v\n%s", len(r.Rows), r.Peak, out)
	}
	for _, x := range r.Rows {
		if x.Pass == "wgrad" || x.Share == 0 {
			t.Errorf("%+v", x)
		}
	}
}
