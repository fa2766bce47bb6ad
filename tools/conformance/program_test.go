//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The programs of these tests do what the variable FAKE of an implementation says. Those that pass write the report that marr would.
const fake = `#!/bin/sh
[ "$(basename "$0")" = marr ] && case "$FAKE" in
crash) echo "1 % done"; echo "SIGSEGV: segmentation violation"; echo "rax 0"; exit 2 ;;
abort) kill -ABRT $$ ;;
hang) echo "compiling 7 kernels"; sleep 600 & wait ;;
large) ulimit -v; exit 2 ;;
silent) exit 1 ;;
*) echo '{"num_ops": 2, "ops": [{"name": "relu"}]}' >"$4" ;;
esac
[ "$(basename "$0")" = ssl.test ] && echo "    --- PASS: TestTenSteps/byol (0s)"
exit 0
`

func fakePrograms(t *testing.T) (home string) {
	home = t.TempDir()
	for _, name := range []string{"marr", "ssl.test"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(fake), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func fakes(names ...string) (all []implementation) {
	for _, n := range names {
		all = append(all, implementation{n, "/", []string{"FAKE=" + n}})
	}
	return all
}

func TestProgramThatFailsIsARow(t *testing.T) {
	var text string
	sizes := []int{}
	passed, err := checkAll(t.Context(), limits{time.Minute, 1 << 30}, fakePrograms(t), fakes("crash", "abort", "large", "silent", "good"), func(rows []row) error {
		text, sizes = table(rows), append(sizes, len(rows))
		return nil
	})
	if passed || err != nil || fmt.Sprint(sizes) != "[1 2 3 4 5]" {
		t.Errorf("passed %v, error %v, rows %v", passed, err, sizes)
	}
	for _, want := range []string{
		"on crash\n\n- `marr devices --check` ended with exit status 2 (it may use 1 GiB of memory); it said: 1 % done; SIGSEGV: segmentation violation\n",
		"on abort\n\n- `marr devices --check` ended with signal: aborted (it may use 1 GiB of memory); it said: nothing\n",
		"on large\n\n- `marr devices --check` ended with exit status 2 (it may use 1 GiB of memory); it said: 1048576\n",
		"on silent\n\n- `marr devices --check` wrote no report; it said: nothing\n",
		"| good | ,  | 1 of 2 |", "| crash | – | – | – | – | 1 of 1 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Failures on good") {
		t.Error(text)
	}
}

// The program has a child, which keeps the output open until it is killed too.
func TestProgramThatDoesNotEndIsKilled(t *testing.T) {
	r := fakes("hang")[0].check(t.Context(), limits{200 * time.Millisecond, 1 << 30}, fakePrograms(t))
	if len(r.problems) == 0 || !strings.HasPrefix(r.problems[0], "`marr devices --check` was killed after 200ms; it said: ") {
		t.Error(r.problems)
	}
}

func TestInterruptedRunKeepsTheRowsBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var kept []row
	_, err := checkAll(ctx, usual, fakePrograms(t), fakes("good", "hang"), func(rows []row) error {
		kept = rows
		time.AfterFunc(50*time.Millisecond, cancel)
		return nil
	})
	if err == nil || err.Error() != "stopped at hang: 1 of 2 implementations are done" || len(kept) != 1 || !kept[0].passed() {
		t.Errorf("error %v, rows %v", err, kept)
	}
}
