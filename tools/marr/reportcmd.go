package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/report/page"
	"github.com/marr-ssl/marr/vk"
)

func reportCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	x := newReporter(fs)
	end := inGroup(fs, dataGroup)
	fs.StringVar(&x.data, "data", "", "images `D` to look at; default: those that each run was trained on")
	fs.IntVar(&x.images, "images", 2000, "look at no more images than this, evenly spaced; 0: at none, for a quick report of settings and curves")
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "report.html", "`FILE`.html to write")
	end()
	end = inGroup(fs, outputGroup)
	live := fs.Bool("live", false, "show the one run on a page on 127.0.0.1 that renews itself, until its training ends, or Ctrl-C; it looks at images only with --images")
	port := fs.Int("port", 0, "--live: `PORT` of the page; 0: any free one")
	end()
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if x.images < 0 {
			return usagef("--images %d: want at least 0", x.images)
		}
		if err := x.checkAblation(args); err != nil {
			return err
		}
		switch {
		case *live:
			if err := checkLive(args, *port, fs.Changed("out")); err != nil {
				return err
			}
			if !fs.Changed("images") { // a look takes the device from the training
				x.images = 0
			}
		case fs.Changed("port"):
			return usagef("--port %d: only a live page has a port: add --live", *port)
		default:
			if err := checkReport(args, *out); err != nil {
				return err
			}
		}
		if err := x.read(args); err != nil {
			return err
		}
		if x.images > 0 && x.page.Ablation == nil {
			var err error
			if x.dev, err = openDevice(*device); err != nil {
				return fmt.Errorf("%w; --images 0 makes a report without a device", err)
			}
			defer x.dev.Close()
			if err := x.look(ctx); err != nil {
				return err
			}
		}
		if *live {
			return x.serve(ctx, *port)
		}
		if err := x.write(*out); err != nil {
			return err
		}
		info, err := os.Stat(*out)
		if err == nil {
			of := count(len(args), "run")
			if x.page.Ablation != nil {
				of = "an ablation"
			}
			printLine(os.Stdout, "%s: report of %s, %.1f MB", *out, of, float64(info.Size())/1e6)
		}
		return err
	}
}

// checkReport returns an error for arguments of which no report can be made.
func checkReport(runs []string, out string) error {
	switch ext := strings.ToLower(filepath.Ext(out)); {
	case len(runs) == 0:
		return usagef("report: name at least one run: marr report DIR --out report.html")
	case ext != ".html" && ext != ".htm":
		return usagef("--out %s: the file will be HTML: want a name that ends in .html", out)
	}
	if err := checkRuns(runs); err != nil {
		return err
	}
	if err := checkFolder(out); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".marr-report-") // now: to look at the images takes a while
	if err != nil {
		return fmt.Errorf("--out %s: %w: choose another folder", out, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkRuns returns an error for names of runs that are none.
func checkRuns(runs []string) error {
	for i, dir := range runs {
		if isCheckpoint(dir) {
			return usagef("report: %s: it is a checkpoint: name the folder of the run, %s", dir, filepath.Dir(dir))
		}
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return usagef("report: %s: it is a file: name the folder of a run", dir)
		}
		if slices.ContainsFunc(runs[:i], func(other string) bool { return filepath.Clean(other) == filepath.Clean(dir) }) {
			return usagef("report: %s is named twice: name each run once", dir)
		}
	}
	return nil
}

// reporter adds to a page what needs the images of its runs.
type reporter struct {
	fs      *pflag.FlagSet
	data    string // "": those of each run
	images  int
	dev     *vk.Device
	page    page.Page
	sprites map[string]int // number of a sprite, by the fingerprint of its images
}

func newReporter(fs *pflag.FlagSet) *reporter { return &reporter{fs: fs, sprites: map[string]int{}} }

// read adds runs, or an ablation, to the page.
func (x *reporter) read(dirs []string) (err error) {
	if isAblation(dirs[0]) {
		x.page.Ablation, err = readAblationPage(dirs[0])
		return err
	}
	for _, dir := range dirs {
		r, err := readRun(dir)
		if err != nil {
			return err
		}
		x.page.Runs = append(x.page.Runs, r)
	}
	return nil
}

// readRun reads the folder of a run.
func readRun(dir string) (*page.Run, error) {
	r, err := page.ReadRun(dir)
	if errors.Is(err, os.ErrNotExist) {
		_, err = runConfig(dir)
	}
	return r, err
}

// look adds pictures and maps to all runs, by networks on dev. What fails becomes a note on the page, unless ctx is done.
func (x *reporter) look(ctx context.Context) error {
	if n := len(x.page.Runs); n > fullRuns {
		x.page.Notes = append(x.page.Notes, fmt.Sprintf("Of each of the %d runs a part of the pictures is shown, so that the page stays small. The report of a run alone shows all.", n))
	}
	for _, r := range x.page.Runs {
		if err := x.lookAt(ctx, r); ctx.Err() != nil {
			return err
		} else if err != nil {
			x.note(r, oneLine(err))
		}
	}
	return nil
}

// write writes the page.
func (x *reporter) write(path string) error {
	x.page.Made = fmt.Sprintf("Made on %s by marr report", time.Now().Format("2006-01-02 15:04"))
	return net.WriteFileAtomic(path, func(w io.Writer) error { return page.Write(w, &x.page) })
}

// note adds a note to the page, and prints it.
func (x *reporter) note(r *page.Run, text string) {
	r.Notes = append(r.Notes, text)
	note("%s: %s", r.Name, text)
}
