package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/train"
)

func dataCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	end := inGroup(fs, dataGroup)
	px := fs.Int("size", 0, "side in `pixels` of the views for which the images are stored; default: that of the images, at most 224")
	end()
	defer inGroup(fs, outputGroup)()
	sheet := fs.String("sheet", "", "write a contact sheet of 64 images to `FILE`.png")
	files := fs.String("files", "", "write the path of each image to `FILE`, one a line, in the order of the set and of the rows of --teacher")
	asJSON := fs.Bool("json", false, "print the description as JSON")
	return func(ctx context.Context, args []string) error {
		if len(args) != 2 || args[0] != "inspect" {
			return usagef("data: want marr data inspect D, with the images D")
		}
		if err := checkPNG("--sheet", *sheet); err != nil {
			return err
		}
		if *files != "" && data.HasFixedSize(args[1]) {
			return usagef("--files: %s is not made of image files: its images are in the order of the file", args[1])
		}
		if *px == 0 {
			var err error
			if *px, err = defaultSize(ctx, args[1], largestView); err != nil {
				return err
			}
		}
		set, err := openSet(ctx, args[1], *px)
		if err != nil {
			return err
		}
		defer set.Close()
		if *files != "" {
			if err := writeFiles(*files, set); err != nil {
				return err
			}
		}
		if *sheet != "" {
			err := net.WriteFileAtomic(*sheet, func(w io.Writer) error { return png.Encode(w, subsample(set, 64).ContactSheet(8, 8)) })
			if err != nil {
				return err
			}
		}
		side := 0
		if !data.HasFixedSize(args[1]) {
			side = train.StoredSide(*px)
		}
		i := inspect(set, side)
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(i)
		}
		i.print(os.Stdout)
		if *files != "" {
			printLine(os.Stdout, "paths of the images, in order: %s", *files)
		}
		if *sheet != "" {
			printLine(os.Stdout, "contact sheet: %s", *sheet)
		}
		return nil
	}
}

// writeFiles writes the path of each image within its set, one a line.
func writeFiles(path string, set *data.Set) error {
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(append(slices.Clone(set.Files), ""), "\n"))
		return err
	})
}

// inspection is the description that marr data inspect prints.
type inspection struct {
	Name        string             `json:"name"`
	Images      int                `json:"images"`
	Gray        int                `json:"gray"`
	Channels    int                `json:"channels"`
	Smallest    [2]int             `json:"smallest"` // height, width of the image with the fewest pixels, as stored
	Largest     [2]int             `json:"largest"`
	ReducedTo   int                `json:"reduced_to,omitempty"` // short side to which larger images were reduced; 0: none were
	Clips       int                `json:"clips,omitempty"`
	Classes     []classCount       `json:"classes,omitempty"`
	NoLabel     int                `json:"without_label"`
	Mean        []float64          `json:"mean"` // by channel, pixels scaled to 0 … 1
	Std         []float64          `json:"std"`
	Skipped     []data.SkippedFile `json:"skipped,omitempty"`
	Fingerprint string             `json:"fingerprint"`
}

// maxClasses is the largest number of classes that the text lists; JSON lists all.
const maxClasses = 200

type classCount struct {
	Label  int    `json:"label"`
	Name   string `json:"name,omitempty"`
	Images int    `json:"images"`
}

// inspect describes a set whose larger images were reduced to a short side; 0: none were.
func inspect(set *data.Set, side int) inspection {
	i := inspection{Name: set.Name, Images: set.Len(), Channels: set.C, Clips: len(set.Clips), Skipped: set.Skipped, Fingerprint: set.Fingerprint()}
	i.Mean, i.Std = set.Stats()
	smallest, largest := math.MaxInt, 0
	for k := range set.Len() {
		img := set.Image(k)
		if img.C == 1 {
			i.Gray++
		}
		if side > 0 && min(img.H, img.W) >= side {
			i.ReducedTo = side
		}
		if n := img.H * img.W; n < smallest {
			smallest, i.Smallest = n, [2]int{img.H, img.W}
		}
		if n := img.H * img.W; n > largest {
			largest, i.Largest = n, [2]int{img.H, img.W}
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

// count returns a number of things in words, such as "1 image" or "2 classes".
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sizes describes the sizes of the images. Those of a set that was not reduced are the originals'.
func (i inspection) sizes() string {
	text := fmt.Sprintf("%d×%d", i.Smallest[0], i.Smallest[1])
	if i.Smallest != i.Largest {
		text += fmt.Sprintf(" to %d×%d", i.Largest[0], i.Largest[1])
	}
	if text += " (height × width)"; i.ReducedTo == 0 {
		return "sizes: " + text
	}
	return fmt.Sprintf("stored at %s: larger images are reduced to a short side of %d, which --size determines", text, i.ReducedTo)
}

func (i inspection) print(out io.Writer) {
	kind := "color"
	switch i.Gray {
	case i.Images:
		kind = "gray"
	case 0:
	default:
		kind = fmt.Sprintf("%d of them gray, the others in color", i.Gray)
	}
	fmt.Fprintf(out, "%s: %s, %s\n", i.Name, count(i.Images, "image"), kind)
	if i.Clips > 0 {
		fmt.Fprintf(out, "%s, of %s on average\n", count(i.Clips, "clip"), count(i.Images/i.Clips, "frame"))
	}
	fmt.Fprintln(out, i.sizes())
	fmt.Fprintf(out, "mean %.4f, standard deviation %.4f, by channel, of pixels scaled to 0 … 1\n", i.Mean, i.Std)
	if i.NoLabel == i.Images {
		fmt.Fprintln(out, "no labels: pretrain needs none; eval needs one folder per class, or a format with labels")
	} else {
		fmt.Fprint(out, count(len(i.Classes), "class"))
		if i.NoLabel > 0 {
			fmt.Fprintf(out, ", %s without a label", count(i.NoLabel, "image"))
		}
		fmt.Fprintln(out)
		for k, c := range i.Classes {
			if k == maxClasses {
				fmt.Fprintf(out, "  … and %d more\n", len(i.Classes)-k)
				break
			}
			printLine(out, "  %4d  %-24s %s", c.Label, c.Name, count(c.Images, "image"))
		}
	}
	if len(i.Skipped) > 0 {
		fmt.Fprintf(out, "skipped %s:\n", count(len(i.Skipped), "file"))
		for _, b := range i.Skipped {
			fmt.Fprintf(out, "  %s: %s\n", b.Path, b.Reason)
		}
	}
	fmt.Fprintf(out, "fingerprint %s\n", i.Fingerprint)
}
