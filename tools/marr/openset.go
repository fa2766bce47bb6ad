package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"marr/ssl/data"
	"marr/ssl/run"
	"marr/ssl/train"
	"marr/vk"
)

// folderSize is the side of views of sets without a size of their own where --size does not say.
const folderSize = 32

// size fills in the side of views where --size did not say it.
func size(c *run.Config, set *data.Set) {
	if c.Size == 0 && !data.HasFixedSize(c.Data) {
		c.Size = folderSize
	}
	c.Resolve(set)
}

// mostSize is the largest side of views, for which images are kept at the largest size that the cache takes.
const mostSize = 3276

// openSet opens a data set for views of px pixels (0: not said), says how far it is while its cache is built, and what was skipped.
func openSet(ctx context.Context, name string, px int) (*data.Set, error) {
	if px == 0 {
		px = folderSize
	}
	if px < 1 || px > mostSize {
		return nil, usagef("--size %d: want a side of 1 to %d pixels", px, mostSize)
	}
	dir, err := vk.CacheDir()
	if err != nil {
		return nil, err
	}
	l := newBuilding(name)
	o := data.Options{Side: train.StoredSide(px), CacheDir: dir, Progress: l.progress, Notice: l.notice}
	if dir == "" { // caches are off: the file is there for as long as it is open
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
	for i, b := range set.Skipped {
		if i == 10 {
			fmt.Fprintf(os.Stderr, "skipped %d more: skipped.txt of the run and marr data inspect list them\n", len(set.Skipped)-i)
			break
		}
		fmt.Fprintf(os.Stderr, "skipped %s: %s\n", b.Path, b.Reason)
	}
	return set, nil
}

// building shows how far a cache is: one line that is written over on a terminal, a line every ten seconds elsewhere.
type building struct {
	name        string
	terminal    bool
	began, said time.Time
	open        bool
}

func newBuilding(name string) *building {
	return &building{name: name, terminal: term.IsTerminal(int(os.Stderr.Fd())), began: time.Now()}
}

func (b *building) progress(done, total int) {
	pause := 10 * time.Second
	if b.terminal {
		pause = 200 * time.Millisecond
	}
	if now := time.Now(); now.Sub(b.said) < pause && done < total {
		return
	} else if b.said = now; now.Sub(b.began) < time.Second && !b.open {
		return // not worth a line
	}
	rate := float64(done) / max(time.Since(b.began).Seconds(), 1e-9)
	left := time.Duration(float64(total-done) / max(rate, 1e-9) * float64(time.Second))
	line := fmt.Sprintf("decoding %s: %d/%d images  %.0f/s  %s left", b.name, done, total, rate, short(left))
	if b.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
		b.open = true
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

func (b *building) notice(format string, args ...any) {
	b.end()
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (b *building) end() {
	if b.open {
		fmt.Fprintln(os.Stderr)
	}
	b.open = false
}
