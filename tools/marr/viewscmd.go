package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

func viewsCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	c := run.DefaultConfig()
	end := inGroup(fs, dataGroup)
	fs.StringVar(&c.Data, "data", "", "images `D` to show, as for marr pretrain; default: those of --run")
	dir := fs.String("run", "", "`DIR` of a run whose views are shown, in place of --method, --views and --size; of mae also what the network draws in the removed patches")
	fs.IntVar(&c.Size, "size", 0, "side of a view in `pixels`; default: that of the images, at most 224")
	images := fs.Int("images", 8, "number of images")
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "random seed")
	end()
	end = inGroup(fs, methodGroup)
	fs.StringVar(&c.Method, "method", c.Method, "`NAME` of the method or preset whose views are shown: "+strings.Join(viewNames(), ", "))
	choices(fs, "method", viewNames())
	recipe := fs.String("views", "", "`FILE`.toml that changes these views; --print writes such a file")
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "", "`FILE`.png to write: one row per image, with the original and each view")
	printOnly := fs.Bool("print", false, "print the views as TOML instead, to edit them and pass them to --views; needs no --data")
	end()
	for _, name := range []string{"method", "views", "size"} {
		exclusive(fs, name, "run", "a run has its own views")
	}
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		text, err := readViews(*recipe)
		if err != nil {
			return err
		}
		if *dir != "" {
			if err := ofRun(*dir, &c); err != nil {
				return err
			}
			text = c.Views
		}
		if *printOnly {
			return printViews(c, text)
		}
		if c.Data == "" || *out == "" || *images < 1 {
			return usagef("views: --data, --out and --images of at least 1 are required: name the images and the file to paint")
		}
		if err := errors.Join(checkPNG("--out", *out), setViewSize(&c, text)); err != nil {
			return err
		}
		if c.Size == 0 {
			if c.Size, err = defaultSize(ctx, c.Data, largestView); err != nil {
				return err
			}
		}
		set, err := openSet(ctx, c.Data, c.Size)
		if err != nil {
			return err
		}
		defer set.Close()
		m, err := viewedMethod(fs, c)
		if err != nil {
			return err
		}
		if n, ok := m.(ssl.NetworkChooser); ok && *dir == "" {
			c.Arch, c.Backbone = n.Network()
		}
		c.Resolve(set)
		specs, err := changedViews(c.Method, text, train.ViewInput(c.Size, set))
		if err != nil {
			return err
		}
		dev, err := openDevice(*device)
		if err != nil {
			return err
		}
		defer dev.Close()
		sheet, about, err := paintedSheet(dev, *dir, c, m, set, specs, *images)
		if err != nil {
			return err
		}
		err = net.WriteFileAtomic(*out, func(w io.Writer) error { return png.Encode(w, sheet) })
		if err == nil {
			printLine(os.Stdout, "%s: %s", *out, about)
		}
		return err
	}
}

// ofRun sets the configuration to that of a run, without the images that c has already.
func ofRun(dir string, c *run.Config) error {
	saved, err := runConfig(dir)
	saved.Data, saved.Seed = cmp.Or(c.Data, saved.Data), c.Seed
	*c = saved
	return err
}

// viewNames returns the methods and presets whose views can be shown.
func viewNames() []string {
	names := append(ssl.Methods(), views.Presets()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// maxViews is the largest size of a file of views, in bytes.
const maxViews = 1 << 20

// readViews returns the text of a file of views, "" without a file.
func readViews(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := net.ReadFile(path, maxViews)
	if err != nil {
		return "", usagef("--views: %v: marr views --print writes such a file", err)
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return "", usagef("--views %s: the file is empty: it needs at least one [[view]]", path)
	}
	return string(text), nil
}

// changedViews returns the views of a method or preset with the changes in text, which is TOML.
func changedViews(method, text string, in views.Input) ([]views.Spec, error) {
	base, err := baseViews(method, in)
	if err != nil || text == "" {
		return base, err
	}
	specs, err := views.Decode(text, in, base)
	if err != nil {
		return nil, usagef("--views: %w", err)
	}
	return specs, nil
}

// baseViews returns the views of a method or preset.
func baseViews(method string, in views.Input) ([]views.Spec, error) {
	if slices.Contains(ssl.Methods(), method) {
		m, err := ssl.New(method)
		if err != nil {
			return nil, err
		}
		return m.Views(in)
	}
	return views.Preset(method, in)
}

// setViewSize sets the size of a run to that of the largest view, if text sets it. Another --size is an error, because images are stored for this size.
func setViewSize(c *run.Config, text string) error {
	var largest [2]int
	for i, px := range []int{32, 64} { // views of fixed size do not depend on the input
		specs, err := changedViews(cmp.Or(c.Method, run.DefaultConfig().Method), text, views.Input{Size: px, Channels: 3, Frames: train.ClipFrames})
		if err != nil {
			return err
		}
		for _, s := range specs {
			largest[i] = max(largest[i], s.Size)
		}
	}
	switch {
	case largest[0] != largest[1]:
	case c.Size == 0:
		c.Size = largest[0]
	case c.Size != largest[0]:
		return usagef("--views: its largest view has a side of %d pixels, and --size is %d: make them the same", largest[0], c.Size)
	}
	return nil
}

// printViews prints views as TOML, for images of three channels, or for clips if --data names clips.
func printViews(c run.Config, text string) error {
	in := views.Input{Size: c.Size, Channels: 3, Frames: 1}
	if strings.HasPrefix(c.Data, "frames:") {
		in.Frames = train.ClipFrames
	}
	if in.Size == 0 {
		in.Size = largestView
	}
	specs, err := changedViews(c.Method, text, in)
	if err != nil {
		return err
	}
	fmt.Print(views.Encode(specs))
	return nil
}
