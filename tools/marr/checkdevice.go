package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/bench/check"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/vk"
)

// checkDevice checks a device (package bench/check), prints a page and writes the report where --json says. The page goes to stderr if the report goes to
// stdout. A failed check is an error that names what failed.
func checkDevice(ctx context.Context, selector, filter string, out jsonOutput) error {
	o, err := checkOptions(filter)
	if err != nil {
		return err
	}
	dev, err := openDevice(selector)
	if err != nil {
		return err
	}
	defer dev.Close()
	narrow, err := openNarrow(dev.Info().Index)
	if err != nil {
		return err
	}
	defer narrow.Close()
	took := "this takes about a minute"
	if dev.Info().Type == vk.CPU {
		took = "this takes about two minutes on a CPU"
	}
	if filter != "" {
		took = fmt.Sprintf("%d of %d ops", len(o.Ops), len(check.Ops()))
	}
	fmt.Fprintf(os.Stderr, "checking %s: %s\n", dev.Info().Name, took)
	progress := newWorkProgress()
	o.Progress = func(done, total int, part string) {
		progress.update(done, total, func(float64) string { return fmt.Sprintf("%d %% done: %s", 100*done/total, part) })
	}
	r, err := check.Run(ctx, dev, narrow, o)
	progress.end()
	return errors.Join(err, reportCheck(r, out, err != nil))
}

// checkOptions returns what to check. A filter is a regular expression on the names of ops.
func checkOptions(filter string) (check.Options, error) {
	info, _ := debug.ReadBuildInfo()
	o := check.Options{Version: buildVersion(info), Command: commandLine(), Ops: check.Ops()}
	if filter == "" {
		o.Training = check.DefaultTraining
		return o, nil
	}
	match, err := regexp.Compile(filter)
	if err != nil {
		return o, usagef("devices: --filter: %v: use a regular expression, such as 'conv|matmul'", err)
	}
	var known []string
	for _, op := range o.Ops {
		known = append(known, op.Name)
	}
	o.Ops = slices.DeleteFunc(o.Ops, func(op optest.Op) bool { return !match.MatchString(op.Name) })
	if len(o.Ops) == 0 {
		return o, usagef("devices: --filter %v matches no op: known are %s", match, strings.Join(known, ", "))
	}
	return o, nil
}

// openNarrow opens the device again, with a small limit on bindings.
func openNarrow(index int) (*vk.Device, error) {
	dir, err := vk.CacheDir()
	if err != nil {
		dir = "" // openDevice printed the error
	}
	return vk.Open(fmt.Sprint(index), vk.Options{CacheDir: dir, StorageRange: optest.NarrowRange})
}

// shownFailed is the number of failed ops that the error names. The page names all.
const shownFailed = 8

// reportCheck prints and writes a report. Unless the check was stopped, the error says what failed.
func reportCheck(r *check.Report, out jsonOutput, stopped bool) error {
	page := os.Stdout
	if out.on && out.file == "" {
		page = os.Stderr
	}
	r.Print(page)
	if out.on {
		if err := out.write(r); err != nil {
			return err
		}
	}
	failed := r.Failed()
	if len(failed) == 0 || stopped {
		return nil
	}
	hint := "attach " + out.file + " to a report"
	if out.file == "" {
		hint = "write a report with --json FILE"
	}
	if n := len(failed) - shownFailed; n > 1 {
		failed = append(failed[:shownFailed], fmt.Sprintf("%d more", n))
	}
	return fmt.Errorf("%s failed its check: %s: update its driver, or %s", r.Device.Name, strings.Join(failed, ", "), hint)
}
