package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"marr/bench"
	"marr/bench/check"
)

// build compiles the command and the tests of package ssl into a folder, with the golden data that the tests read.
func build(ctx context.Context) (home string, err error) {
	home, err = os.MkdirTemp("", "conformance")
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"build", "-trimpath", "-o", filepath.Join(home, "marr"), "./tools/marr"},
		{"test", "-trimpath", "-c", "-o", filepath.Join(home, "ssl.test"), "./ssl"},
	} {
		if text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
			return home, fmt.Errorf("go %s: %w\n%s", args[0], err, text)
		}
	}
	return home, os.CopyFS(filepath.Join(home, "testdata"), os.DirFS("ssl/testdata"))
}

// row is what came out on one implementation.
type row struct {
	name   string
	report check.Report
	steps  []string // golden trainings that passed
	failed []string // and those that failed
}

func (r row) passed() bool {
	return len(r.report.Failed()) == 0 && len(r.failed) == 0 && len(r.steps) > 0
}

// check runs the programs of the folder home on an implementation. An error means that they could not run at all.
func (x implementation) check(ctx context.Context, home string) (row, error) {
	r := row{name: x.name}
	if x.root != "/" {
		inside, err := os.MkdirTemp(filepath.Join(x.root, "tmp"), "conformance")
		if err != nil {
			return r, err
		}
		defer os.RemoveAll(inside)
		if err := os.CopyFS(inside, os.DirFS(home)); err != nil {
			return r, err
		}
		home = inside
	}
	report := filepath.Join(home, "report.json")
	if text, err := x.run(ctx, home, "marr", "devices", "--check", "--json", x.inside(report)); err != nil && !exited(err) {
		return r, err
	} else if err := bench.ReadJSON(report, &r.report); err != nil {
		return r, fmt.Errorf("marr devices --check wrote no report: %w\n%s", err, text)
	}
	defer os.Remove(report)
	text, err := x.run(ctx, home, "ssl.test", "-test.run", "^TestTen", "-test.v")
	if err != nil && !exited(err) {
		return r, err
	}
	r.steps, r.failed = outcomes(text)
	return r, nil
}

// outcome is the line of a test of one golden training.
var outcome = regexp.MustCompile(`(?m)^ +--- (PASS|FAIL): TestTen\w+/(\S+)`)

// outcomes returns the golden trainings that passed and failed according to the output of a test.
func outcomes(text string) (passed, failed []string) {
	for _, m := range outcome.FindAllStringSubmatch(text, -1) {
		if m[1] == "PASS" {
			passed = append(passed, m[2])
		} else {
			failed = append(failed, m[2])
		}
	}
	return passed, failed
}

// run runs a program of the folder home and returns its output.
func (x implementation) run(ctx context.Context, home, name string, args ...string) (string, error) {
	args = append([]string{filepath.Join(x.inside(home), name)}, args...)
	if x.root != "/" {
		args = append([]string{"chroot", x.root, "env", "-C", x.inside(home)}, args...)
	}
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.Env = home, append(os.Environ(), append(x.env, "MARR_CACHE="+x.inside(filepath.Join(home, "cache")))...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.String(), err
}

// inside returns a path as programs of the implementation see it.
func (x implementation) inside(path string) string {
	if x.root == "/" {
		return path
	}
	return strings.TrimPrefix(path, strings.TrimSuffix(x.root, "/"))
}

// exited reports whether a program ran and returned a status.
func exited(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit)
}
