package main

import (
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// workProgress prints the progress of work on stderr: on a terminal one line that it overwrites, elsewhere a line every ten seconds. Work that ends within
// a second prints nothing.
type workProgress struct {
	terminal       bool
	start, printed time.Time // printed: time of the last line
	line           statusLine
}

func newWorkProgress() *workProgress {
	return &workProgress{terminal: term.IsTerminal(int(os.Stderr.Fd())), start: time.Now()}
}

// update prints a line that describe returns, given the units done per second, with the time that is left.
func (p *workProgress) update(done, total int, describe func(perSecond float64) string) {
	interval := 10 * time.Second
	if p.terminal {
		interval = 200 * time.Millisecond
	}
	if now := time.Now(); now.Sub(p.printed) < interval && done < total {
		return
	} else if p.printed = now; now.Sub(p.start) < time.Second && !p.line.open {
		return // it may be done before a line is read
	}
	rate := float64(done) / max(time.Since(p.start).Seconds(), 1e-9)
	left := time.Duration(float64(total-done) / max(rate, 1e-9) * float64(time.Second))
	line := fmt.Sprintf("%s  %s left", describe(rate), formatDuration(left))
	if p.terminal {
		p.line.write(os.Stderr, line)
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

// clear removes the line from the terminal.
func (p *workProgress) clear() {
	p.line.clear(os.Stderr)
}

// end breaks the line on the terminal.
func (p *workProgress) end() {
	p.line.end(os.Stderr)
}

// statusLine is the last line of a terminal, which is written again and again. Spaces overwrite what was there: a console of Windows may know no
// escape sequences.
type statusLine struct {
	open  bool // it has no line break yet
	width int  // in characters
}

func (l *statusLine) write(to io.Writer, text string) {
	fmt.Fprintf(to, "\r%-*s", l.width, text)
	l.open, l.width = true, utf8.RuneCountInString(text)
}

// clear empties the line.
func (l *statusLine) clear(to io.Writer) {
	if l.open {
		l.write(to, "")
		fmt.Fprint(to, "\r")
	}
	*l = statusLine{}
}

// end breaks the line.
func (l *statusLine) end(to io.Writer) {
	if l.open {
		fmt.Fprintln(to)
	}
	*l = statusLine{}
}
