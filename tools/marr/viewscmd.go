package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"marr/net"
	"marr/ssl"
	"marr/ssl/run"
	"marr/ssl/train"
	"marr/ssl/views"
)

func viewsCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	c := run.DefaultConfig()
	fs.StringVar(&c.Data, "data", "", "images `D`, as for pretrain")
	fs.StringVar(&c.Method, "method", c.Method, "whose views: a method, or a preset: "+strings.Join(viewNames(), ", "))
	recipe := fs.String("views", "", "`FILE`.toml laid over those views; --print shows what to write")
	out := fs.String("out", "", "`FILE`.png to write: a row an image, a column the original and each view")
	only := fs.Bool("print", false, "print the recipe in full instead, for a file to change and give to --views; needs no --data")
	fs.IntVar(&c.Size, "size", 0, "side of a view in `pixels`; default as for pretrain")
	images := fs.Int("images", 8, "rows")
	fs.Uint64Var(&c.Seed, "seed", c.Seed, "of everything random")
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		text, err := readViews(*recipe)
		if err != nil {
			return err
		}
		if *only {
			return printViews(c, text)
		}
		if c.Data == "" || *out == "" || *images < 1 {
			return usagef("views: --data, --out and at least one of --images are needed: say which images, and which file to paint")
		}
		if err := errors.Join(wantPNG("--out", *out), sizeOfViews(&c, text)); err != nil {
			return err
		}
		set, err := openSet(ctx, c.Data, c.Size)
		if err != nil {
			return err
		}
		defer set.Close()
		size(&c, set)
		specs, err := viewsOf(c.Method, text, train.ViewInput(c.Size, set))
		if err != nil {
			return err
		}
		dev, err := openDevice(*device)
		if err != nil {
			return err
		}
		defer dev.Close()
		rows, err := train.Paint(dev, set, specs, *images, c.Seed)
		if err != nil {
			return err
		}
		err = net.WriteFileAtomic(*out, func(w io.Writer) error { return png.Encode(w, viewSheet(rows, specs)) })
		if err == nil {
			fmt.Printf("%s: %d images, %d views of each, seed %d\n", *out, len(rows), len(specs), c.Seed)
		}
		return err
	}
}

// viewNames are the methods and presets whose views can be shown.
func viewNames() []string {
	names := append(ssl.Methods(), views.Presets()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// readViews reads a recipe; no file is an empty one.
func readViews(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", usagef("--views: %v: give a file such as marr views --print writes", err)
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return "", usagef("--views %s: the file is empty: write at least one [[view]]", path)
	}
	return string(text), nil
}

// viewsOf is the recipe of a method or preset with the changes of text.
func viewsOf(method, text string, in views.Input) ([]views.Spec, error) {
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

func baseViews(method string, in views.Input) ([]views.Spec, error) {
	if slices.Contains(ssl.Methods(), method) {
		m, err := ssl.New(method)
		if err != nil {
			return nil, err
		}
		return m.Views(in)
	}
	if !slices.Contains(views.Presets(), method) {
		return nil, usagef("--method %s: no method and no preset: known are %s", method, strings.Join(viewNames(), ", "))
	}
	return views.Preset(method, in)
}

// sizeOfViews sees to it that images are kept as large as the recipe's largest view, where that says its size: --size must be the same.
func sizeOfViews(c *run.Config, text string) error {
	var largest [2]int
	for i, px := range []int{32, 64} { // a recipe that says its size makes the same of both
		specs, err := viewsOf(c.Method, text, views.Input{Size: px, Channels: 3, Frames: train.ClipFrames})
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
		return usagef("--views: its largest view has %d pixels and --size says %d: make them the same", largest[0], c.Size)
	}
	return nil
}

// printViews writes a recipe in full, for images of three channels, or for clips where --data names some.
func printViews(c run.Config, text string) error {
	in := views.Input{Size: c.Size, Channels: 3, Frames: 1}
	if strings.HasPrefix(c.Data, "frames:") {
		in.Frames = train.ClipFrames
	}
	if in.Size == 0 {
		in.Size = folderSize
	}
	specs, err := viewsOf(c.Method, text, in)
	if err != nil {
		return err
	}
	fmt.Print(views.Encode(specs))
	return nil
}
