//go:build linux

// Conformance runs marr on several Vulkan implementations of one machine and writes a table of what passes.
//
//	go run ./tools/conformance [--out FILE.md] [--only REGEXP] < implementations
//	make conformance                    # tools/setup/implementations.sh lists them; writes vk/CONFORMANCE.md
//
// Each line of standard input is an implementation: name, root folder ("/", or a chroot, for which it must be run as root) and environment variables, with
// tabs between them. On each one it runs `marr devices --check`, and ten training steps of every method beside PyTorch's (the golden tests of package ssl).
// A program that crashes, or that takes more than half an hour or 8 GiB of address space, is a failure in the table, and the others go on. The file is
// written after each implementation: an interrupted run keeps those that it has. The committed table is vk/CONFORMANCE.md. Exit status 1: something failed.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

func main() {
	flags := pflag.NewFlagSet("conformance", pflag.ContinueOnError)
	out := flags.String("out", "", "write the table to `FILE`; default: standard output")
	only := flags.String("only", "", "implementations whose name matches this `REGEXP`")
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	pattern, bad := regexp.Compile(*only)
	if err = errors.Join(err, bad); err != nil || flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "conformance: wrong command line: %v %q: usage: tools/setup/implementations.sh | conformance [flags]\n%s", err, flags.Args(), flags.FlagUsages())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	passed, err := run(ctx, os.Stdin, pattern, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// run builds the programs and checks the implementations of a list whose names match.
func run(ctx context.Context, list io.Reader, only *regexp.Regexp, out string) (passed bool, err error) {
	all, err := read(list)
	if err != nil {
		return false, err
	}
	all = slices.DeleteFunc(all, func(x implementation) bool { return !only.MatchString(x.name) })
	if len(all) == 0 {
		return false, fmt.Errorf("no implementation matches --only %v", only)
	}
	home, err := build(ctx)
	defer os.RemoveAll(home)
	if err != nil {
		return false, err
	}
	if out == "" {
		return checkAll(ctx, usual, home, all, func(rows []row) error {
			if len(rows) < len(all) {
				return nil
			}
			_, err := fmt.Print(table(rows))
			return err
		})
	}
	return checkAll(ctx, usual, home, all, func(rows []row) error { return os.WriteFile(out, []byte(table(rows)), 0o666) })
}

// checkAll checks implementations one after the other and calls write with the rows of those that are done after each.
func checkAll(ctx context.Context, l limits, home string, all []implementation, write func([]row) error) (passed bool, err error) {
	var rows []row
	passed = true
	for _, x := range all {
		fmt.Fprintf(os.Stderr, "conformance: %s\n", x.name)
		r := x.check(ctx, l, home)
		if ctx.Err() != nil {
			return false, fmt.Errorf("stopped at %s: %d of %d implementations are done", x.name, len(rows), len(all))
		}
		rows, passed = append(rows, r), passed && r.passed()
		if err := write(rows); err != nil {
			return false, err
		}
	}
	return passed, nil
}

// implementation is a Vulkan driver, with what makes a program use it.
type implementation struct {
	name, root string
	env        []string
}

// read parses the list of implementations.
func read(list io.Reader) (all []implementation, err error) {
	for lines := bufio.NewScanner(list); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%q: want a name, a root folder and environment variables, with tabs between them", lines.Text())
		}
		all = append(all, implementation{fields[0], fields[1], strings.Fields(fields[2])})
	}
	if len(all) == 0 {
		return nil, errors.New("no implementation on standard input: pipe tools/setup/implementations.sh into it")
	}
	return all, nil
}
