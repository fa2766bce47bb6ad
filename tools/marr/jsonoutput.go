package main

import (
	"encoding/json"
	"os"
	"strconv"

	"github.com/marr-ssl/marr/bench"
)

// jsonOutput is the value of a flag --json whose file is optional: --json prints JSON on stdout, --json FILE and --json=FILE write it to a file.
type jsonOutput struct {
	on   bool
	file string // empty: stdout
}

func (o *jsonOutput) String() string { return strconv.FormatBool(o.on) }

// Type makes the help show the flag as a switch.
func (o *jsonOutput) Type() string { return "bool" }

// Set takes a switch or the name of a file.
func (o *jsonOutput) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if o.on = on; err != nil {
		o.on, o.file = true, text
	}
	return nil
}

// takeFile takes the only argument as the name of the file. Other arguments are an error.
func (o *jsonOutput) takeFile(args []string) error {
	if o.on && o.file == "" && len(args) == 1 {
		o.file = args[0]
		return nil
	}
	return noArgs(args)
}

// write writes a value as indented JSON.
func (o jsonOutput) write(value any) error {
	if o.file != "" {
		return bench.WriteJSON(o.file, value)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}
