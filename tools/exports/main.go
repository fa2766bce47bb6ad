// Exports loads files that marr exports in programs that others wrote, and writes a table of what they compute.
//
//	go run ./tools/exports --packages DIR --out FILE.md [--only REGEXP]
//	make exports                    # tools/setup/exports.sh installs the programs; writes the table in export/README.md
//
// The networks have random weights. Each program gets a network's file and random images, 1 and then 7, in a process of its own; its features are compared
// with those of the device. A program that cannot load the ONNX file for any size gets the one for a single size. A program that fails is a cell with the
// reason below the table. The table stands between the marks in FILE.md. --packages names the folder with the packages of Node.js. Exit status 1: no table.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/vk"
)

func main() {
	flags := pflag.NewFlagSet("exports", pflag.ContinueOnError)
	out := flags.String("out", "", "`FILE` with the marks of the table; default: standard output")
	packages := flags.String("packages", "", "`DIR` with node_modules, from tools/setup/exports.sh")
	only := flags.String("only", "", "programs whose name matches this `REGEXP`")
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	pattern, bad := regexp.Compile(*only)
	if err = errors.Join(err, bad); err != nil || flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "exports: wrong command line: %v %q: usage: exports [flags]\n%s", err, flags.Args(), flags.FlagUsages())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, pattern, *packages, *out); err != nil {
		fmt.Fprintln(os.Stderr, "exports:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only *regexp.Regexp, packages, out string) error {
	dir, err := os.MkdirTemp("", "marr-exports-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, programs); err != nil {
		return err
	}
	all, err := writeAll(dir)
	if err != nil {
		return err
	}
	var rows []row
	for _, r := range readers {
		if !only.MatchString(r.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "exports:", r.name)
		x, err := r.readAll(ctx, dir, packages, all)
		if ctx.Err() != nil {
			return fmt.Errorf("stopped at %s: nothing was written", r.name)
		}
		if err != nil {
			return err
		}
		rows = append(rows, x)
	}
	if out == "" {
		fmt.Print(table(rows))
		return nil
	}
	return replace(out, table(rows))
}

// writeAll writes the files of all networks.
func writeAll(dir string) (all []files, err error) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	for _, n := range networks {
		f, err := n.write(dev, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.title, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// The marks around the table.
const (
	begin = "<!-- exports: make exports writes from here -->\n"
	end   = "<!-- exports: to here -->\n"
)

// replace puts the table between the marks of a file.
func replace(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok1 := bytes.Cut(text, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: it lacks the marks %q and %q: write them where the table belongs", path, begin, end)
	}
	return os.WriteFile(path, bytes.Join([][]byte{head, []byte(begin + "\n" + table + "\n" + end), tail}, nil), 0o666)
}
