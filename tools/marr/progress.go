package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// workProgress prints the progress of work on stderr: on a terminal one line that it overwrites, elsewhere a line every ten seconds. Work that ends within
// a second prints nothing.
type workProgress struct {
	terminal       bool
	start, printed time.Time // printed: time of the last line
	lineOpen       bool      // a line on the terminal has no line break yet
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
	} else if p.printed = now; now.Sub(p.start) < time.Second && !p.lineOpen {
		return // it may be done before a line is read
	}
	rate := float64(done) / max(time.Since(p.start).Seconds(), 1e-9)
	left := time.Duration(float64(total-done) / max(rate, 1e-9) * float64(time.Second))
	line := fmt.Sprintf("%s  %s left", describe(rate), formatDuration(left))
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
		p.lineOpen = true
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

// clear removes the line from the terminal.
func (p *workProgress) clear() {
	if p.lineOpen {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	p.lineOpen = false
}

// end breaks the line on the terminal.
func (p *workProgress) end() {
	if p.lineOpen {
		fmt.Fprintln(os.Stderr)
	}
	p.lineOpen = false
}
