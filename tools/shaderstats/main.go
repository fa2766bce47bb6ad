// Shaderstats compiles every shader for five generations of AMD GPUs, without any of them: what registers, shared memory and scratch
// each takes, and how many subgroups a SIMD unit then holds at once.
//
//	go run ./tools/shaderstats [--out FILE.md] [--json FILE] $(tools/setup/radv.sh)
//	make shaderstats                                          # the same, to bench/shaderstats.md
//
// The two arguments are RADV's driver file and the folder of its libraries, which tools/setup/radv.sh prints. RADV's null device
// stands for the GPU of RADV_FORCE_FAMILY: it compiles and runs nothing. Specialization constants keep the shader's defaults.
//
// The table goes to standard output unless --out names a file. Exit status 1 when a shader spills registers or uses scratch memory and
// allow.txt does not say why, or when allow.txt excuses what needs no excuse.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// families are the generations, newest first: RDNA 3, 2 and 1, GCN 5 and 4.
var families = []string{"navi31", "navi21", "navi10", "vega10", "polaris10"}

func main() {
	flags := pflag.NewFlagSet("shaderstats", pflag.ContinueOnError)
	out := flags.String("out", "", "write the table to this `FILE`")
	asJSON := flags.String("json", "", "write all numbers to this `FILE`")
	measured := flags.String(childFlag, "", "")
	if err := flags.MarkHidden(childFlag); err != nil {
		panic(err)
	}
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return
	case err == nil && *measured != "":
		err = child(*measured)
	case err != nil || flags.NArg() != 2:
		fmt.Fprintf(os.Stderr, "shaderstats: command line: %v %q: want $(tools/setup/radv.sh) and flags of:\n%s", err, flags.Args(), flags.FlagUsages())
		os.Exit(2)
	default:
		err = run(radv{flags.Arg(0), flags.Arg(1)}, *out, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shaderstats:", err)
		os.Exit(1)
	}
}

func run(driver radv, out, asJSON string) error {
	all := make([]Family, len(families))
	for i, name := range families {
		var err error
		if all[i], err = driver.measure(name); err != nil {
			return err
		}
	}
	if asJSON != "" {
		text, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = os.WriteFile(asJSON, append(text, '\n'), 0o666)
		}
		if err != nil {
			return err
		}
	}
	allowed, err := parseAllowed(allowText)
	if err != nil {
		return err
	}
	if out == "" {
		fmt.Print(table(all, allowed))
	} else if err := os.WriteFile(out, []byte(table(all, allowed)), 0o666); err != nil {
		return err
	}
	return judge(all, allowed)
}
