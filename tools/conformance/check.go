//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/bench/check"
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
	name      string
	report    check.Report
	trainings []training
	problems  []string // why the report or a training is missing
}

// training is the result of a golden training, ten steps of a method.
type training struct {
	name          string
	mixed, passed bool
	message       string // why it failed
}

func (t training) String() string {
	if t.mixed {
		return t.name + " in mixed precision: " + t.message
	}
	return t.name + ": " + t.message
}

// count returns how many trainings in a precision passed, and how many ran.
func (r row) count(mixed bool) (passed, all int) {
	for _, t := range r.trainings {
		if t.mixed == mixed {
			all++
			if t.passed {
				passed++
			}
		}
	}
	return passed, all
}

func (r row) passed() bool {
	for _, t := range r.trainings {
		if !t.passed {
			return false
		}
	}
	return len(r.problems) == 0 && len(r.report.Failed()) == 0
}

// check runs the programs of the folder home on an implementation.
func (x implementation) check(ctx context.Context, l limits, home string) row {
	r := row{name: x.name}
	if x.root != "/" {
		inside, err := x.enter(home)
		defer os.RemoveAll(inside)
		if err != nil {
			r.problems = append(r.problems, "the programs cannot be copied into its root folder: "+err.Error())
			return r
		}
		home = inside
	}
	report := filepath.Join(home, "report.json")
	defer os.Remove(report)
	text, err := x.run(ctx, l, home, "marr", "devices", "--check", "--json", x.inside(report))
	if err != nil {
		r.problems = append(r.problems, fmt.Sprintf("`marr devices --check` %v", err))
	} else if bench.ReadJSON(report, &r.report) != nil {
		r.problems = append(r.problems, "`marr devices --check` wrote no report; it said: "+said(text))
	}
	text, err = x.run(ctx, l, home, "ssl.test", "-test.run", "^TestTen", "-test.v")
	r.trainings = trainings(text)
	switch {
	case err != nil:
		r.problems = append(r.problems, fmt.Sprintf("the ten steps of methods %v", err))
	case len(r.trainings) == 0:
		r.problems = append(r.problems, "no method ran its ten steps; they said: "+said(text))
	}
	return r
}

// enter copies the folder home to the implementation's root.
func (x implementation) enter(home string) (inside string, err error) {
	inside, err = os.MkdirTemp(filepath.Join(x.root, "tmp"), "conformance")
	if err != nil {
		return "", err
	}
	return inside, os.CopyFS(inside, os.DirFS(home))
}

// outcome is the line of a test of one golden training, message one of its errors.
var (
	outcome = regexp.MustCompile(`(?m)^ +--- (PASS|FAIL): (TestTen(\w+)/(\S+))`)
	message = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)`)
)

// trainings returns the golden trainings that the output of a test names.
func trainings(text string) (all []training) {
	for _, m := range outcome.FindAllStringSubmatch(text, -1) {
		t := training{name: m[4], mixed: strings.HasPrefix(m[3], "Mixed"), passed: m[1] == "PASS"}
		_, after, _ := strings.Cut(text, "=== RUN   "+m[2]+"\n")
		during, _, _ := strings.Cut(after, "=== RUN")
		if said := message.FindStringSubmatch(during); !t.passed && said != nil {
			t.message = said[1]
		}
		all = append(all, t)
	}
	return all
}
