package main

import (
	"fmt"
	"io"
	"os"

	"marr/ssl/data"
)

// printLine prints a line in which names of files and classes may stand: characters that would change the terminal are escaped.
func printLine(out io.Writer, format string, args ...any) {
	fmt.Fprintln(out, data.Printable(fmt.Sprintf(format, args...)))
}

// note prints a line that a user should know and that is no error.
func note(format string, args ...any) { printLine(os.Stderr, "note: "+format, args...) }
