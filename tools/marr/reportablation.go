package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/report/page"
	"github.com/marr-ssl/marr/ssl/run"
)

// isAblation reports whether a folder is that of an ablation.
func isAblation(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ablationJSON))
	return err == nil
}

// checkAblation returns an error unless the ablation among the folders, if there is one, is alone and without flags that belong to runs.
func (x *reporter) checkAblation(dirs []string) error {
	for _, dir := range dirs {
		if !isAblation(dir) {
			continue
		}
		if len(dirs) > 1 {
			return usagef("report: %s is an ablation, which has a page of its own: name it alone", dir)
		}
		for _, name := range []string{"live", "data", "images", "device"} {
			if x.fs.Changed(name) {
				return usagef("--%s: %s is an ablation, whose page shows results alone: omit it", name, dir)
			}
		}
	}
	return nil
}

// readAblationPage returns the ablation in a folder for the page.
func readAblationPage(dir string) (*page.Ablation, error) {
	f := &ablationFile{}
	if err := bench.ReadJSON(filepath.Join(dir, ablationJSON), f); err != nil {
		return nil, fmt.Errorf("%w: the file is damaged: train again, by marr ablate --out another folder", err)
	}
	if n := len(f.Axes); n < 1 || n > 2 || len(f.Seeds) == 0 {
		return nil, fmt.Errorf("%s: it has %s and %s: the file is damaged: train again, by marr ablate --out another folder", filepath.Join(dir, ablationJSON), fmt.Sprintf("%d axes", n), count(len(f.Seeds), "seed"))
	}
	a := &page.Ablation{Study: &f.Study, Name: dir, Command: f.Command, Views: map[string]string{}}
	a.Facts, a.Settings = f.facts(), f.settings()
	for _, c := range f.Cells() {
		text, err := net.ReadFile(viewsOf(dir, c), maxViews)
		if err == nil {
			a.Views[c.Name] = string(text)
		} else if !errors.Is(err, os.ErrNotExist) {
			a.Notes = append(a.Notes, "The views of a cell are left out: "+oneLine(err))
		}
	}
	training, err := run.Training(dir)
	if err != nil {
		return nil, err
	}
	if left := len(f.Cells()) - len(f.Results); left > 0 {
		note := fmt.Sprintf("The ablation is not finished: %d of %d runs are done.", len(f.Results), len(f.Cells()))
		if training {
			note += " A process trains the others now."
		} else {
			note += " To continue it: " + cmp.Or(f.Command, "marr ablate with the same flags")
		}
		a.Notes = append(a.Notes, note)
	}
	a.Compare = compareKept(dir, a.Study)
	return a, nil
}

// facts says what the runs are, and how far they are.
func (f *ablationFile) facts() (facts []page.Fact) {
	seconds := 0.0
	for _, r := range f.Results {
		seconds += r.Seconds
	}
	runs := fmt.Sprintf("%d of %d", len(f.Results), len(f.Cells()))
	if n := len(f.Seeds); n > 1 {
		runs += fmt.Sprintf(", %d of each of %d seeds", len(f.Cells())/n, n)
	}
	for _, x := range []page.Fact{
		{Name: "Images", Value: f.Data},
		{Name: "Runs", Value: f.Plan},
		{Name: "Judged", Value: f.Judge},
		{Name: "Runs done", Value: runs},
		{Name: "Time", Value: formatDuration(time.Duration(seconds * float64(time.Second)))},
		{Name: "Device", Value: f.Device},
	} {
		if x.Value != "" {
			facts = append(facts, x)
		}
	}
	return facts
}

// settings lists the flags that all runs share, with who chose them.
func (f *ablationFile) settings() (settings []page.Fact) {
	for _, name := range sortedKeys(f.Given, f.Chosen) {
		value, given := f.Given[name]
		origin := "flag"
		if !given {
			value, origin = f.Chosen[name], "plan"
		}
		settings = append(settings, page.Fact{Name: name, Value: fmt.Sprintf("%s (%s)", value, origin)})
	}
	return settings
}

// compareKept returns a command that compares two runs whose folders were kept, "" if there are none.
func compareKept(dir string, s *ablate.Study) string {
	var kept []string
	for _, r := range s.Results {
		if folder := runOf(dir, r.Cell); len(kept) < 2 {
			if _, err := os.Stat(filepath.Join(folder, run.CheckpointFile)); err == nil {
				kept = append(kept, folder)
			}
		}
	}
	if len(kept) < 2 {
		return ""
	}
	return fmt.Sprintf("marr report %s %s --out compared.html", quoted(kept[0]), quoted(kept[1]))
}
