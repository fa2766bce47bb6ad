package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/marr-ssl/marr/ssl/data"
)

// printLine prints a line in which names of files and classes may stand: characters that would change the terminal are escaped.
func printLine(out io.Writer, format string, args ...any) {
	fmt.Fprintln(out, data.Printable(fmt.Sprintf(format, args...)))
}

// commandLine returns the command line of this process.
func commandLine() string {
	words := []string{"marr"}
	for _, arg := range os.Args[1:] {
		words = append(words, quoted(arg))
	}
	return strings.Join(words, " ")
}

// note prints a line that a user should know and that is no error.
func note(format string, args ...any) {
	printLine(os.Stderr, "note: %s", plain(fmt.Sprintf(format, args...)))
}

// plain returns a message without the names of packages, which do not help a user.
func plain(text string) string { return packages.ReplaceAllString(text, "$1") }
