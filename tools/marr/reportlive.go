package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/marr-ssl/marr/ssl/report/page"
	"github.com/marr-ssl/marr/ssl/run"
)

// checkLive returns an error unless one run is named and a process trains it.
func checkLive(runs []string, port int, outGiven bool) error {
	switch {
	case len(runs) != 1:
		return usagef("--live: name one run: marr report --live DIR")
	case outGiven:
		return usagef("--live and --out exclude each other: a page that is served, or a file")
	case port < 0 || port > 65535:
		return usagef("--port %d: want 1 to 65535, or 0 for any free port", port)
	}
	if err := checkRuns(runs); err != nil {
		return err
	}
	r, err := readRun(runs[0])
	if err != nil {
		return err
	}
	training, err := run.Training(runs[0])
	if err == nil && !training {
		state := "no process trains it now"
		if r.Finished() {
			state = "the run is finished"
		}
		err = fmt.Errorf("report: %s: %s, so a live page would not change: marr report %s --out report.html", runs[0], state, quoted(runs[0]))
	}
	return err
}

// serve serves the page of the run that x has read, until its training ends or ctx is done.
func (x *reporter) serve(ctx context.Context, port int) error {
	first := x.page.Runs[0]
	l := page.Live{
		Training: func() (bool, error) { return run.Training(first.Name) },
		Page: func() (*page.Page, error) {
			r, err := readRun(first.Name)
			if err != nil {
				return nil, err
			}
			r.Panels, r.Maps, r.Images = first.Panels, first.Maps, first.Images
			made := fmt.Sprintf("As of %s, by marr report --live", time.Now().Format("2006-01-02 15:04:05"))
			return &page.Page{Made: made, Runs: []*page.Run{r}, Sprites: x.page.Sprites}, nil
		},
	}
	url, err := l.Listen(port)
	if err != nil {
		return fmt.Errorf("--port %d: %w: choose another port, or leave it out for a free one", port, err)
	}
	printLine(os.Stdout, "%s shows %s until its training ends, or Ctrl-C", url, first.Name)
	if err := l.Serve(ctx); err != nil {
		return err
	}
	if ctx.Err() == nil {
		printLine(os.Stdout, "the training has ended; to keep the page: marr report %s --out report.html", quoted(first.Name))
	}
	return nil
}
