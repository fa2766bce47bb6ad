package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"marr/net"
	"marr/ssl"
	"marr/ssl/data"
	"marr/vk"
)

// folderSize is the side of views of sets without a size of their own where --size does not say.
const folderSize = 32

// size fills in the side of views where --size did not say it.
func size(c *ssl.Config, set *data.Set) {
	if c.Size == 0 && !data.OwnSize(c.Data) {
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
	o := data.Options{Side: ssl.StoredSide(px), CacheDir: dir, Progress: l.progress, Notice: l.notice}
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
	for i, b := range set.Bad {
		if i == 10 {
			fmt.Fprintf(os.Stderr, "skipped %d more: skipped.txt of the run and marr data inspect list them\n", len(set.Bad)-i)
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

func dataCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	px := fs.Int("size", 0, "side of the views that the images are kept for, in `pixels`; default 32")
	sheet := fs.String("sheet", "", "write a contact sheet of 64 images to `FILE`.png")
	asJSON := fs.Bool("json", false, "print what is known as JSON")
	return func(ctx context.Context, args []string) error {
		if len(args) != 2 || args[0] != "inspect" {
			return usagef("data: want marr data inspect D: say which images")
		}
		if err := wantPNG("--sheet", *sheet); err != nil {
			return err
		}
		set, err := openSet(ctx, args[1], *px)
		if err != nil {
			return err
		}
		defer set.Close()
		if *sheet != "" {
			err := net.WriteFileAtomic(*sheet, func(w io.Writer) error { return png.Encode(w, spread(set, 64).Sheet(8, 8)) })
			if err != nil {
				return err
			}
		}
		i := inspect(set)
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(i)
		}
		i.print(os.Stdout)
		if *sheet != "" {
			fmt.Printf("contact sheet: %s\n", *sheet)
		}
		return nil
	}
}

// inspection is what marr data inspect tells.
type inspection struct {
	Name     string         `json:"name"`
	Images   int            `json:"images"`
	Gray     int            `json:"gray"`
	Channels int            `json:"channels"`
	Smallest [2]int         `json:"smallest"` // height, width of the image with the fewest pixels, as stored
	Largest  [2]int         `json:"largest"`
	Clips    int            `json:"clips,omitempty"`
	Classes  []classCount   `json:"classes,omitempty"`
	NoLabel  int            `json:"without_label"`
	Mean     []float64      `json:"mean"` // by channel, pixels scaled to 0 … 1
	Std      []float64      `json:"std"`
	Skipped  []data.BadFile `json:"skipped,omitempty"`
	Print    string         `json:"fingerprint"`
}

// mostClasses is how many classes are shown on a screen; JSON has all.
const mostClasses = 200

// wantPNG refuses a name that would lie about its content.
func wantPNG(flag, path string) error {
	if path != "" && !strings.HasSuffix(strings.ToLower(path), ".png") {
		return usagef("%s %s: a PNG file is written: want a name that ends in .png", flag, path)
	}
	return nil
}

type classCount struct {
	Label  int    `json:"label"`
	Name   string `json:"name,omitempty"`
	Images int    `json:"images"`
}

func inspect(set *data.Set) inspection {
	i := inspection{Name: set.Name, Images: set.Len(), Channels: set.C, Clips: len(set.Clips), Skipped: set.Bad, Print: set.Fingerprint()}
	i.Mean, i.Std = set.Stats()
	least, most := math.MaxInt, 0
	for k := range set.Len() {
		img := set.Image(k)
		if img.C == 1 {
			i.Gray++
		}
		if n := img.H * img.W; n < least {
			least, i.Smallest = n, [2]int{img.H, img.W}
		}
		if n := img.H * img.W; n > most {
			most, i.Largest = n, [2]int{img.H, img.W}
		}
	}
	if set.Labels == nil {
		i.NoLabel = i.Images
		return i
	}
	i.Classes = make([]classCount, set.NumClasses())
	for k := range i.Classes {
		i.Classes[k].Label = k
		if k < len(set.Classes) {
			i.Classes[k].Name = set.Classes[k]
		}
	}
	for _, l := range set.Labels {
		if l < 0 {
			i.NoLabel++
			continue
		}
		i.Classes[l].Images++
	}
	return i
}

func (i inspection) print(out io.Writer) {
	kind := "colour"
	switch i.Gray {
	case i.Images:
		kind = "gray"
	case 0:
	default:
		kind = fmt.Sprintf("%d of them gray, the others colour", i.Gray)
	}
	fmt.Fprintf(out, "%s: %d images, %s\n", i.Name, i.Images, kind)
	if i.Clips > 0 {
		fmt.Fprintf(out, "clips: %d, of %d frames on average\n", i.Clips, i.Images/i.Clips)
	}
	if i.Smallest == i.Largest {
		fmt.Fprintf(out, "size as kept: %d×%d (height × width)\n", i.Largest[0], i.Largest[1])
	} else {
		fmt.Fprintf(out, "sizes as kept: %d×%d to %d×%d (height × width)\n", i.Smallest[0], i.Smallest[1], i.Largest[0], i.Largest[1])
	}
	fmt.Fprintf(out, "mean %.4f, standard deviation %.4f, of pixels scaled to 0 … 1, by channel\n", i.Mean, i.Std)
	if i.NoLabel == i.Images {
		fmt.Fprintln(out, "labels: none: enough to pre-train; eval wants a folder a class, or labels in the format of the set")
	} else {
		fmt.Fprintf(out, "%d classes", len(i.Classes))
		if i.NoLabel > 0 {
			fmt.Fprintf(out, ", %d images without a label", i.NoLabel)
		}
		fmt.Fprintln(out)
		for k, c := range i.Classes {
			if k == mostClasses {
				fmt.Fprintf(out, "  … and %d more\n", len(i.Classes)-k)
				break
			}
			fmt.Fprintf(out, "  %4d  %-24s %d images\n", c.Label, c.Name, c.Images)
		}
	}
	if len(i.Skipped) > 0 {
		fmt.Fprintf(out, "skipped, %d files:\n", len(i.Skipped))
		for _, b := range i.Skipped {
			fmt.Fprintf(out, "  %s: %s\n", b.Path, b.Reason)
		}
	}
	fmt.Fprintf(out, "fingerprint %s\n", i.Print)
}
