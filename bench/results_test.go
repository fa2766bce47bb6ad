package bench

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/marr-ssl/marr/kernels"
)

// sampleResults returns Results with one measurement of each kind and the longest possible names.
func sampleResults() *Results {
	r := NewResults(device, "marr bench all", "off")
	r.Label, r.Peak = "before", Peak{Rate{90, 80, 70, 12, "bench_fma.fma16 ×128"}, Rate{5, 4, 3, 12, "bench_copy.texel"}}
	for _, c := range Cases(slowPeak) {
		for _, p := range c.Passes {
			x := Row{Group: c.Group, Name: c.Name, Pass: p.Name, Kernel: "tiled.gather_128x128 +12",
				Batch: c.Batch / 2, FullBatch: c.Batch, MemoryBound: p.FLOP == nil, GB: p.Bytes(1) / 1e9}
			if p.FLOP != nil {
				x.GFLOP = p.FLOP(1) / 1e9
			}
			x.setTimes([]sample{{3 * time.Millisecond, x.Kernel}, {1 * time.Millisecond, x.Kernel}, {2 * time.Millisecond, x.Kernel}}, r.Peak)
			r.Rows = append(r.Rows, x)
		}
	}
	r.Rows = append(r.Rows, Row{Group: "conv", Name: "3×3 1→1 @1", Pass: forward, Batch: 1, FullBatch: 2, Problem: "the device is too small"})
	s := Step{StepOptions: StepOptions{Arch: "resnet18", Backbone: map[string]any{"stem": "cifar", "width": 64.}, Batch: 512, Size: 32, Steps: 20}, Time: spreadOf([]time.Duration{2e8, 1e8, 4e8}), ImagesPerS: 2560, ViewsPerS: 5120,
		HostMs: 1.5, HostShare: 0.0075, HostClock: hostClock, Parts: Parts{10, 60, 120, 10, 3}, Activations: 3 << 30, Parameters: 180 << 20, Allocated: 4 << 30,
		Kernels: []KernelTime{{"tiled.gather_128x128", true, 20, 50, 0.25, 9000}, {"fill", false, 1, 1, 0.005, 0}}}
	s.Peers = []Peer{{peerOutput: peerOutput{"fp32, TF32 off", "2.11.0+cu130", "NVIDIA H100 80GB HBM3", 16, 10000, 102, 90, 5 << 30, "gather, upload"},
		Rounds: []Round{{5000, 10000, 11000}}, Ratio: 0.5, RatioWithoutViews: 0.45}}
	r.Steps = []Step{s}
	r.Training = &Training{s.StepOptions, 12, 850, 5.5, 4.25}
	return r
}

func TestResultsSurviveTheirFile(t *testing.T) {
	path, r := filepath.Join(t.TempDir(), "r.json"), sampleResults()
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("read %+v\nwrote %+v", got, r)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"schema": 2`, `"gflop_per_s"`, `"views_per_s"`, `"planned_bytes"`, `"ratio_without_views"`, `"torch": "2.11.0+cu130"`, `"uuid"`} {
		if !strings.Contains(string(text), key) {
			t.Errorf("no %s in the file", key)
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"newer": {`{"schema": 99}`, "schema 99, this program reads schema 2"},
		"other": {`[1, 2]`, "marr bench --json did not write this file"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadResults(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
	}
	if _, err := ReadResults(filepath.Join(dir, "absent")); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("absent: %v", err)
	}
}

func TestTextIsAlignedAndAtMost140ColumnsWide(t *testing.T) {
	var out strings.Builder
	r := sampleResults()
	r.Print(&out)
	r.PrintComparison(&out, r)
	lines := strings.Split(out.String(), "\n")
	column := -1
	for _, l := range lines[1:] { // the first has the name of the device, of any length
		if n := utf8.RuneCountInString(l); n > 140 {
			t.Errorf("%d columns: %s", n, l)
		}
		if at := strings.Index(l, " GFLOP/s "); at > 0 && strings.Contains(l, "tiled.gather_128x128 +12") {
			at = utf8.RuneCountInString(l[:at])
			if column < 0 {
				column = at
			}
			if at != column {
				t.Errorf("the rate ends at column %d, in the rows above at %d: %s", at, column, l)
			}
		}
	}
	if column < 0 {
		t.Error("no row shows a rate")
	}
}

func TestSpeedUpsCompareTheRatesOfEqualRows(t *testing.T) {
	old, now := sampleResults(), sampleResults()
	for i := range now.Rows {
		now.Rows[i].GFLOPS *= 3
		now.Rows[i].GBS *= 3
		now.Rows[i].Batch /= 2 // the batch does not identify a row
	}
	now.Rows[0].GFLOPS /= 9
	now.Rows[1].Name += ", new"
	now.Steps[0].Steps, now.Steps[0].Tuner, now.Steps[0].ViewsPerS = 7, &kernels.Tuner{}, 2*old.Steps[0].ViewsPerS
	rows, steps := now.Compare(old)
	if len(rows) != len(old.Rows)-2 { // one row is new, one does not fit
		t.Errorf("%d speed-ups of %d rows", len(rows), len(old.Rows))
	}
	near := func(a, b float64) bool { return a > b*(1-1e-9) && a < b*(1+1e-9) }
	if !near(rows[0].Value, 1.0/3) || !near(rows[1].Value, 3) || len(steps) != 1 || !near(steps[0].Value, 2) {
		t.Errorf("rows %v …, steps %v", rows[:2], steps)
	}
	if g := geometricMean([]SpeedUp{{Value: 2}, {Value: 8}}); !near(g, 4) {
		t.Errorf("the geometric mean of 2 and 8 is %g", g)
	}
	var out strings.Builder
	now.PrintComparison(&out, old)
	for _, want := range []string{"speed-up over before, ", "geometric mean of", "all rows", "0.333"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	now.PrintComparison(&out, &Results{Commit: "x"})
	if !strings.Contains(out.String(), "no row and no step in common") || !strings.Contains(out.String(), "the devices differ") {
		t.Errorf("compared with empty results: %s", out.String())
	}
}

func TestHigherPeakLowersShares(t *testing.T) {
	r := sampleResults()
	before := r.Rows[0].Share
	r.RaisePeak(Peak{FMA: Rate{Best: 2 * r.Peak.FMA.Best}, Copy: Rate{Best: r.Peak.Copy.Best / 2}})
	if r.Rows[0].Share != before/2 || r.Peak.Copy.Best != 5 {
		t.Errorf("share %g → %g, copy %+v", before, r.Rows[0].Share, r.Peak.Copy)
	}
}

func TestMarkdownHasATableOfEachKind(t *testing.T) {
	var out strings.Builder
	sampleResults().WriteMarkdown(&out)
	(&Results{Stopped: true}).WriteMarkdown(&out)
	for _, want := range []string{", before: ", "| shape | pass |", "| **matmul** |", "marr/PyTorch **0.500**", "| 5120 |",
		"Does not fit: conv, 3×3 1→1 @1: the device is too small.",
		"Stopped before its end.", "loss 5.500 → 4.250"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String()[:1500])
		}
	}
	for _, l := range strings.Split(out.String(), "\n") {
		if strings.HasPrefix(l, "| ") && strings.Count(l, "|") < 7 {
			t.Errorf("a row has too few cells: %s", l)
		}
	}
}

func TestMedianAndSpread(t *testing.T) {
	if m := median([]float64{5, 1, 3}); m != 3 {
		t.Errorf("median of three: %g", m)
	}
	if m := median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("median of four: %g", m)
	}
	if s := spreadOf([]time.Duration{3e6, 1e6, 2e6}); s != (Spread{2, 1, 3, 3}) || s.rate(4) != 2000 {
		t.Errorf("%+v, rate %g", s, s.rate(4))
	}
	if s := spreadOf(nil); s.rate(1) != 0 {
		t.Errorf("without runs the rate is %g", s.rate(1))
	}
}
