package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"marr/ssl/data"
	"marr/ssl/run"
	"marr/ssl/train"
	"marr/vk"
)

// folderSize is the default side of views for sets without a fixed size.
const folderSize = 32

// setSize sets the side of views if --size was not given.
func setSize(c *run.Config, set *data.Set) {
	if c.Size == 0 && !data.HasFixedSize(c.Data) {
		c.Size = folderSize
	}
	c.Resolve(set)
}

// maxSize is the largest side of views: for it, images are stored at the largest size of the cache.
const maxSize = 3276

// openSet opens a data set for views of px pixels (0: folderSize). It prints its progress while it builds a cache, and the files that it skipped.
func openSet(ctx context.Context, name string, px int) (*data.Set, error) {
	if px == 0 {
		px = folderSize
	}
	if strings.HasPrefix(name, "builtin:") && !slices.Contains(data.Builtins(), name) {
		return nil, unknown("images", name, data.Builtins())
	}
	if px < 1 || px > maxSize {
		return nil, usagef("--size %d: want a side of 1 to %d pixels", px, maxSize)
	}
	dir, err := vk.CacheDir()
	if err != nil {
		return nil, err
	}
	l := newDecodeProgress(name)
	o := data.Options{Side: train.StoredSide(px), CacheDir: dir, Progress: l.progress, Notice: l.notice}
	if dir == "" { // caches are off: the file exists only while it is open
		if o.CacheDir, err = os.MkdirTemp("", "marr-"); err != nil {
			return nil, fmt.Errorf("images of %s: %w: set TMPDIR to a folder with room", name, err)
		}
		defer os.RemoveAll(o.CacheDir)
		o.Notice = nil
	}
	set, err := data.Open(ctx, name, o)
	l.end()
	if err != nil {
		return nil, err
	}
	for i, f := range set.Skipped {
		if i == 10 {
			fmt.Fprintf(os.Stderr, "skipped %d more: skipped.txt of the run and marr data inspect list them\n", len(set.Skipped)-i)
			break
		}
		fmt.Fprintf(os.Stderr, "skipped %s: %s\n", f.Path, f.Reason)
	}
	return set, nil
}

// decodeProgress prints the progress of building a cache: on a terminal one line that it overwrites, elsewhere a line every ten seconds.
type decodeProgress struct {
	name           string
	terminal       bool
	start, printed time.Time // printed: time of the last line
	lineOpen       bool      // a line on the terminal has no line break yet
}

func newDecodeProgress(name string) *decodeProgress {
	return &decodeProgress{name: name, terminal: term.IsTerminal(int(os.Stderr.Fd())), start: time.Now()}
}

func (p *decodeProgress) progress(done, total int) {
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
	line := fmt.Sprintf("decoding %s: %d/%d images  %.0f/s  %s left", p.name, done, total, rate, formatDuration(left))
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
		p.lineOpen = true
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

func (p *decodeProgress) notice(format string, args ...any) {
	p.end()
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (p *decodeProgress) end() {
	if p.lineOpen {
		fmt.Fprintln(os.Stderr)
	}
	p.lineOpen = false
}
