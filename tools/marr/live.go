package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"github.com/marr-ssl/marr/ssl/run"

	"golang.org/x/term"
)

// progressLine prints the progress of training: on a terminal one line that it overwrites, elsewhere lines (printsStep).
type progressLine struct {
	terminal bool
	line     statusLine
	accuracy string // last measured accuracy
}

func newProgressLine() *progressLine {
	return &progressLine{terminal: term.IsTerminal(int(os.Stdout.Fd()))}
}

func (l *progressLine) progress(p run.Progress) {
	perEpoch := p.Steps / p.Epochs
	if !math.IsNaN(p.Accuracy) {
		l.accuracy = fmt.Sprintf("  accuracy %.1f %%", 100*p.Accuracy)
	}
	line := fmt.Sprintf("epoch %d/%d  step %d/%d  loss %.4f%s  %.0f images/s  %s left", p.Epoch, p.Epochs, p.Step, p.Steps, p.Loss, l.accuracy, p.ImagesPerSecond, formatDuration(p.Left))
	if l.terminal {
		l.line.write(os.Stdout, line)
		return
	}
	if printsStep(p.Step, p.Steps, perEpoch) {
		fmt.Println(line)
	}
}

// printsStep reports whether a step is printed where lines stay: ten steps of each epoch and its last; of a run of many short epochs about 200 in all.
func printsStep(step, steps, perEpoch int) bool {
	if perEpoch < 10 {
		return step == steps || step%max(1, steps/200) == 0
	}
	inEpoch := (step-1)%perEpoch + 1
	return inEpoch == perEpoch || inEpoch%(perEpoch/10) == 0
}

// end breaks the line on the terminal.
func (l *progressLine) end() { l.line.end(os.Stdout) }

// formatDuration returns a duration with two units at most, such as 3m05s.
func formatDuration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
