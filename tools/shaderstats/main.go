// Shaderstats compiles every shader for five generations of AMD GPUs, without a GPU. It reports the registers, shared memory and scratch
// memory of each shader, and its occupancy (subgroups per SIMD unit).
//
//	go run ./tools/shaderstats [--out FILE.md] [--json FILE] $(tools/setup/radv.sh)
//	make shaderstats                                          # writes bench/shaderstats.md
//
// tools/setup/radv.sh prints the two arguments: the driver file of RADV (Mesa's Vulkan driver for AMD) and the folder of its libraries.
// RADV's null device emulates the GPU family that RADV_FORCE_FAMILY names: it compiles shaders but runs nothing. Specialization constants
// keep their default values.
//
// Without --out, the table goes to standard output. Exit status 1: a shader that allow.txt does not list spills registers or uses scratch
// memory, or a shader that allow.txt lists does neither.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// families lists one GPU of each generation, newest first: RDNA 3, 2 and 1, GCN 5 and 4.
var families = []string{"navi31", "navi21", "navi10", "vega10", "polaris10"}

func main() {
	flags := pflag.NewFlagSet("shaderstats", pflag.ContinueOnError)
	out := flags.String("out", "", "write the table to `FILE`")
	asJSON := flags.String("json", "", "write all numbers to `FILE` as JSON")
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
		fmt.Fprintf(os.Stderr, "shaderstats: wrong command line: %v %q: usage: shaderstats [flags] $(tools/setup/radv.sh)\n%s",
			err, flags.Args(), flags.FlagUsages())
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
	return checkSpills(all, allowed)
}
