package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

func openNarrow(t *testing.T) *vk.Device {
	narrow, err := vk.Open("", vk.Options{StorageRange: optest.NarrowRange})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { narrow.Close() })
	return narrow
}

// wrongOps returns ops that fail: a reference that is always NaN, a program that cannot be built. A third one passes.
func wrongOps() []optest.Op {
	nan, broken, right := cases.Named("relu"), cases.Named("scale"), cases.Named("bias")
	nan.Name, broken.Name = "nan", "broken"
	nan.Ref = func(in optest.Values) *ref.Tensor {
		y := ref.New(in.T("x").Shape...)
		for i := range y.Data {
			y.Data[i] = math.NaN()
		}
		return y
	}
	broken.Build = func(optest.In) *kernels.Tensor { panic(&kernels.BuildError{Op: "Scale", Msg: "it is broken"}) }
	ops := []optest.Op{nan, broken, right}
	for i := range ops {
		ops[i].Cases = ops[i].Cases[:2]
	}
	return ops
}

var smallTraining = bench.StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4}, Batch: 8, Size: 16, Steps: 4}

func TestReportNamesWhatFailed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var parts []string
	r, err := Run(ctx, device, openNarrow(t), Options{Version: "marr test", Ops: wrongOps(), Training: smallTraining,
		Progress: func(_, _ int, part string) {
			if parts = append(parts, part); part == "rates" {
				cancel() // they take seconds, and TestPeakIsMeasured of package bench measures them
			}
		}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if failed := r.Failed(); !slices.Equal(failed[:2], []string{"nan", "broken"}) || slices.Contains(failed, "bias") {
		t.Errorf("failed: %v", failed)
	}
	if want := []string{"nan", "broken", "bias", "training", "rates"}; !slices.Equal(parts, want) {
		t.Errorf("parts %v, want %v", parts, want)
	}
	if r.Twice == nil || r.Twice.Differs != "" || len(r.Ops) != 3 || r.NumOps != 3 {
		t.Errorf("twice %+v, %d of %d ops", r.Twice, len(r.Ops), r.NumOps)
	}
	r.Peak = bench.Peak{FMA: bench.Rate{Best: 1234}, Copy: bench.Rate{Best: 5.67}}
	var page strings.Builder
	r.Print(&page)
	for _, want := range []string{device.Info().Name, "marr test", "ops       1 of 3", "FAILED    nan", "NaN from the reference", "it is broken",
		"FAILED    broken", "the same bits both times", "1234 GFLOP/s (fp32), 5.7 GB/s copied", "result    FAILED: nan, broken"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, page.String())
		}
	}
	for line := range strings.Lines(page.String()) {
		if len([]rune(line)) > 180 {
			t.Errorf("%d characters: %s", len([]rune(line)), line)
		}
	}
	checkFile(t, r)
}

// checkFile writes a report and reads it back.
func checkFile(t *testing.T, r *Report) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := bench.WriteJSON(path, r); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Device  vk.Info `json:"device"`
		Version string  `json:"version"`
		Ops     []struct {
			Failures []map[string]any `json:"failures"`
		} `json:"ops"`
	}
	if err := bench.ReadJSON(path, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Device, device.Info()) || got.Version != r.Version || len(got.Ops) != 3 || len(got.Ops[0].Failures) != len(r.Ops[0].Failures) {
		t.Fatalf("%+v", got)
	}
	f := got.Ops[0].Failures[0]
	if text, _ := json.Marshal(f); f["check"] != "forward" || f["error"] != "NaN" || f["tolerance"] == nil || f["case"] == "" {
		t.Errorf("%s", text)
	}
}

func TestStoppedCheckKeepsItsOps(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ops := Ops()[:3]
	r, err := Run(ctx, device, openNarrow(t), Options{Ops: ops, Training: smallTraining, Progress: func(done, _ int, _ string) {
		if done == 1 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || len(r.Ops) != 1 || !r.Stopped || r.Twice != nil {
		t.Errorf("error %v, %d ops, stopped %t, twice %v", err, len(r.Ops), r.Stopped, r.Twice)
	}
	var page strings.Builder
	r.Print(&page)
	if !strings.Contains(page.String(), "2 were not reached") || !strings.Contains(page.String(), "stopped before its end") {
		t.Error(page.String())
	}
}

// A lost device is opened again for the next op; the third loss ends the check.
func TestLostDeviceIsOpenedAgain(t *testing.T) {
	d, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ops := wrongOps()[2:]
	for len(ops) < 5 {
		ops = append(ops, ops[0])
	}
	for want, losses := range map[string][]int{"": nil, "bias 2": {0, 2}, "bias 3": {0, 2, 3}} {
		r, err := Run(t.Context(), d, openNarrow(t), Options{Ops: ops, Progress: func(done, _ int, _ string) {
			if slices.Contains(losses, done) {
				d.SimulateLoss(2)
			}
		}})
		got := ""
		for _, p := range r.Problems {
			got = fmt.Sprint(p.Part, " ", len(r.Problems))
			if !strings.Contains(p.Message, "VK_ERROR_DEVICE_LOST") {
				t.Errorf("problem %v", p)
			}
		}
		reached := map[bool]int{false: 5, true: 4}[len(losses) == maxLosses]
		if err != nil || got != want || len(r.Ops) != reached || len(r.Ops[1].Failures) > 0 {
			t.Errorf("losses %v: error %v, problems %v, %d ops", losses, err, r.Problems, len(r.Ops))
		}
		if len(losses) == maxLosses {
			if err := d.Reopen(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every failed op has its first failures on the page, as long as they say different things.
func TestEqualMessagesAreShownOnce(t *testing.T) {
	var page strings.Builder
	(&Report{NumOps: 1, Ops: []Op{{Name: "conv2d", Failures: []optest.Failure{
		{Case: "a", Check: "forward", Message: "one"}, {Case: "b", Check: "forward", Message: "one"}, {Case: "c", Check: "forward", Message: "two"},
	}}}}).Print(&page)
	if text := page.String(); strings.Count(text, "one") != 1 || strings.Count(text, "two") != 1 || !strings.Contains(text, "3 checks") {
		t.Error(text)
	}
}

func TestEnvironmentHasWhatChangesADevice(t *testing.T) {
	got := environment([]string{"HOME=/home/x", "MARR_KERNELS=lean", "VK_DRIVER_FILES=a=b", "AWS_SECRET=1", "NOTHING"})
	if len(got) != 2 || got["MARR_KERNELS"] != "lean" || got["VK_DRIVER_FILES"] != "a=b" {
		t.Error(got)
	}
}
