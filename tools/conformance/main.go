// Conformance runs marr on several Vulkan implementations of one machine and writes a table of what passes.
//
//	go run ./tools/conformance [--out FILE.md] [--only REGEXP] < implementations
//	make conformance                    # tools/setup/implementations.sh lists them; writes vk/CONFORMANCE.md
//
// Each line of standard input is an implementation: name, root folder ("/", or a chroot, for which it must be run as root) and environment variables, with
// tabs between them. On each one it runs `marr devices --check`, and ten training steps of every method beside PyTorch's (the golden tests of package ssl).
// Exit status 1: something failed.
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
	"strings"

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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	passed, err := run(ctx, os.Stdin, pattern, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// run checks the implementations that a list names and writes the table.
func run(ctx context.Context, list io.Reader, only *regexp.Regexp, out string) (passed bool, err error) {
	all, err := read(list)
	if err != nil {
		return false, err
	}
	home, err := build(ctx)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(home)
	var rows []row
	passed = true
	for _, x := range all {
		if !only.MatchString(x.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "conformance: %s\n", x.name)
		r, err := x.check(ctx, home)
		if err != nil {
			return false, fmt.Errorf("%s: %w", x.name, err)
		}
		rows, passed = append(rows, r), passed && r.passed()
	}
	if text := table(rows); out == "" {
		fmt.Print(text)
	} else {
		err = os.WriteFile(out, []byte(text), 0o666)
	}
	return passed, err
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
