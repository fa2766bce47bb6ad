//go:build linux

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
	"syscall"
	"time"
)

// limits keep a driver's compiler from taking the time and the memory of the machine.
type limits struct {
	patience time.Duration // for one program
	memory   int64         // address space of a process in bytes
}

// usual is several times what a program needs that passes.
var usual = limits{patience: 30 * time.Minute, memory: 8 << 30}

// run runs a program of the folder home and returns its output. Status 1 is no error: it stands for checks that failed. Otherwise the error says how
// the program ended, and what it said.
func (x implementation) run(ctx context.Context, l limits, home, name string, args ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	args = append([]string{filepath.Join(x.inside(home), name)}, args...)
	if x.root != "/" {
		args = append([]string{"chroot", x.root, "env", "-C", x.inside(home)}, args...)
	}
	c := exec.CommandContext(limited, "prlimit", append([]string{fmt.Sprintf("--as=%d", l.memory), "--core=0", "--"}, args...)...)
	c.Dir, c.Env = home, append(os.Environ(), append(x.env, "MARR_CACHE="+x.inside(filepath.Join(home, "cache")))...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) } // no driver can ignore it
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	text := out.String()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return text, ctx.Err()
	case limited.Err() != nil:
		return text, fmt.Errorf("was killed after %v; it said: %s", l.patience, said(text))
	case errors.As(err, &exit) && exit.ExitCode() != 1:
		return text, fmt.Errorf("ended with %v (it may use %d GiB of memory); it said: %s", err, l.memory>>30, said(text))
	case errors.As(err, &exit):
		return text, nil
	}
	return text, err
}

// crash is the line in which the Go runtime, LLVM or the C++ library says why a program ends.
var crash = regexp.MustCompile(`(?m)^(panic: |fatal error: |SIG[A-Z]+: |terminate called|LLVM ERROR).*`)

// said returns the lines of an output that say why the program ended: the first that tells of a crash and the one before it, else the last.
func said(text string) string {
	why := ""
	if at := crash.FindStringIndex(text); at != nil {
		text, why = text[:at[0]], text[at[0]:at[1]]
	}
	text = strings.TrimSpace(text)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	switch {
	case why == "" && last == "":
		return "nothing"
	case why == "":
		return last
	case last == "":
		return why
	}
	return last + "; " + why
}

// inside returns a path as programs of the implementation see it.
func (x implementation) inside(path string) string {
	if x.root == "/" {
		return path
	}
	return strings.TrimPrefix(path, strings.TrimSuffix(x.root, "/"))
}
