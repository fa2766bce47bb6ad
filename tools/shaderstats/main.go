// Shaderstats compiles the shaders with the real compilers of five vendors' GPUs, without a GPU, and reports registers, spills and code size of each, and
// the inner loops of tiles on AMD and Intel.
//
//	go run ./tools/shaderstats [--out FILE.md] [--only TEXT] [--all] $(tools/setup/mesa.sh)
//	make shaderstats                                          # writes bench/shaderstats.md
//
// tools/setup/mesa.sh prints the argument: the folder of Mesa's drivers. They compile and run nothing. Specialization constants have their default
// values; tiles are compiled with WHOLE, and with WHOLE and NORMED (shaders/tiled.glsl), too. With --all, GPUs also compile the kernels that do not fit
// them (kernels.Fits), which takes long: it shows whether they still have to be refused.
//
// Without --out, the tables go to standard output. Exit status 1: a kernel that programs choose among fits a GPU and keeps registers in memory, or takes
// more than a minute to compile.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

func main() {
	flags := pflag.NewFlagSet("shaderstats", pflag.ContinueOnError)
	out := flags.String("out", "", "write the tables to `FILE`")
	var which selection
	flags.StringVar(&which.only, "only", "", "compile only GPUs and shaders with `TEXT` in vendor/GPU/shader")
	flags.BoolVar(&which.all, "all", false, "compile kernels that do not fit a GPU, too")
	child := flags.String(childFlag, "", "")
	first := flags.Int(firstFlag, 0, "")
	for _, hidden := range []string{childFlag, firstFlag} {
		if err := flags.MarkHidden(hidden); err != nil {
			panic(err)
		}
	}
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && *child != "":
		err = compileAll(*child, *first, which)
	case err != nil || flags.NArg() != 1:
		if err == nil {
			err = fmt.Errorf("%d arguments, want one folder", flags.NArg())
		}
		fmt.Fprintf(os.Stderr, "shaderstats: wrong command line: %v: usage: shaderstats [flags] $(tools/setup/mesa.sh)\n%s", err, flags.FlagUsages())
		os.Exit(2)
	default:
		err = run(flags.Arg(0), *out, which)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shaderstats:", err)
		os.Exit(1)
	}
}

func run(folder, out string, which selection) error {
	if _, err := os.Stat(filepath.Join(folder, "v3d.json")); err != nil {
		return fmt.Errorf("%s has no drivers (%w): give the folder that tools/setup/mesa.sh prints", folder, err)
	}
	all := make([]result, 0, len(gpus))
	for _, g := range gpus {
		if len(which.list(g)) == 0 {
			continue
		}
		r, err := g.measure(folder, which)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return fmt.Errorf("--only %q: no vendor/GPU/shader has it, such as intel/dg2/tiled.gather_64x64", which.only)
	}
	if out == "" {
		fmt.Print(page(all))
	} else if err := os.WriteFile(out, []byte(page(all)), 0o666); err != nil {
		return err
	}
	return check(all)
}
