// Mkshaders compiles the changed GLSL sources in shaders/ to SPIR-V in shaders/spv.
//
//	go run ./tools/mkshaders [--check] [--dir shaders]
//
// With --check it compiles nothing and exits with status 1 if SPIR-V and sources differ. It needs glslc; a build of the program does not.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/shaders/compile"
)

func main() {
	flags := pflag.NewFlagSet("mkshaders", pflag.ContinueOnError)
	check := flags.Bool("check", false, "compare hashes without compiling; exit with status 1 on a difference")
	dir := flags.String("dir", "shaders", "folder of the sources")
	workers := flags.Int("workers", 2, "number of compilers at a time")
	if err := flags.Parse(os.Args[1:]); errors.Is(err, pflag.ErrHelp) {
		return
	} else if err != nil || flags.NArg() > 0 || *workers < 1 {
		fmt.Fprintf(os.Stderr, "mkshaders: command line: %v %q: known flags:\n%s", err, flags.Args(), flags.FlagUsages())
		os.Exit(2)
	}
	if err := run(*dir, *check, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "mkshaders:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool, workers int) error {
	list, err := compile.Scan(dir)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s: no *.comp files: run mkshaders in the root of the repository", dir)
	}
	if check {
		bad, err := compile.Check(dir)
		if err != nil {
			return err
		}
		for _, p := range bad {
			fmt.Printf("%s %s\n", p.Name, p.What)
		}
		if len(bad) > 0 {
			return fmt.Errorf("%d of %d shaders differ from their sources: run go run ./tools/mkshaders", len(bad), len(list))
		}
		fmt.Printf("%d shaders agree with their sources\n", len(list))
		return nil
	}
	done := 0
	err = compile.Update(dir, workers, func(line string) { done++; fmt.Println(line) })
	fmt.Printf("%d shaders, %d changes\n", len(list), done)
	return err
}
