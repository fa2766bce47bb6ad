package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"marr/ssl/run"

	"golang.org/x/term"
)

// live shows progress: one line that is written over on a terminal, ten plain lines an epoch elsewhere.
type live struct {
	terminal bool
	open     bool
	width    int
	accuracy string // as it was last known
}

func newLive() *live { return &live{terminal: term.IsTerminal(int(os.Stdout.Fd()))} }

func (l *live) progress(p run.Progress) {
	perEpoch := p.Steps / p.Epochs
	if !math.IsNaN(p.Accuracy) {
		l.accuracy = fmt.Sprintf("  %.1f %% right", 100*p.Accuracy)
	}
	line := fmt.Sprintf("epoch %d/%d  step %d/%d  loss %.4f%s  %.0f images/s  %s left", p.Epoch, p.Epochs, p.Step, p.Steps, p.Loss, l.accuracy, p.ImagesPerSecond, short(p.Left))
	if l.terminal {
		fmt.Printf("\r%-*s", l.width, line)
		l.open, l.width = true, len(line)
		return
	}
	if inEpoch := (p.Step-1)%perEpoch + 1; inEpoch == perEpoch || inEpoch%max(1, perEpoch/10) == 0 {
		fmt.Println(line)
	}
}

// end closes the line that is written over.
func (l *live) end() {
	if l.open {
		fmt.Println()
	}
	l.open, l.width = false, 0
}

func short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
