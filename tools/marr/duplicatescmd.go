package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/eval"
)

func duplicatesCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	t := trainedNetworkFlags(fs, "to compare")
	end := inGroup(fs, evaluationGroup)
	threshold := fs.Float64("threshold", 0.95, "least cosine `similarity` of two images that are alike, up to 1")
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "", "write the groups as a sheet to `FILE`.png")
	asJSON := fs.Bool("json", false, "print the groups as JSON")
	end()
	return func(ctx context.Context, args []string) error {
		if err := t.check(args); err != nil {
			return err
		}
		if !(*threshold > 0 && *threshold <= 1) {
			return usagef("--threshold %v: want a cosine similarity above 0, up to 1", *threshold)
		}
		if err := checkSheet(*out); err != nil {
			return err
		}
		e, err := t.open(ctx)
		if err != nil {
			return err
		}
		defer e.close()
		d, err := e.duplicates(ctx, *threshold)
		if err != nil {
			return err
		}
		if *out != "" {
			if err := writeTiles(*out, d.strips()); err != nil {
				return err
			}
		}
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(d)
		}
		d.print(os.Stdout)
		return nil
	}
}

// duplicates are groups of images that are alike. Its JSON is the output of --json.
type duplicates struct {
	Threshold float64      `json:"threshold"`
	Images    int          `json:"images"` // that were compared
	Groups    []alikeGroup `json:"groups"`
}

// alikeGroup is a group of images, the most similar ones first; among equal ones in the order of the set.
type alikeGroup struct {
	Similarity float64 `json:"similarity"` // of the most similar pair
	Images     []alike `json:"images"`
}

// alike is an image of a group, with its similarity to the most similar image of the group.
type alike struct {
	similar
	Nearest int `json:"nearest"` // number of that image in the set
}

func (e *embedder) duplicates(ctx context.Context, threshold float64) (duplicates, error) {
	if e.set.Len() < 2 {
		return duplicates{}, fmt.Errorf("%s has 1 image: give at least two to compare", e.set.Name)
	}
	f, err := e.keptFeatures(ctx, e.dev, e.set)
	if err != nil {
		return duplicates{}, err
	}
	return e.duplicatesIn(ctx, f, threshold)
}

// duplicatesIn finds the groups by features of the set.
func (e *embedder) duplicatesIn(ctx context.Context, f *eval.Features, threshold float64) (duplicates, error) {
	d := duplicates{Threshold: threshold, Images: e.set.Len(), Groups: []alikeGroup{}}
	line := newWorkProgress()
	groups, err := eval.Duplicates(ctx, e.dev, f, threshold, func(done, total int) {
		line.update(done, total, func(perSecond float64) string {
			return fmt.Sprintf("comparing %s: %d/%d pairs  %.1f million/s", e.set.Name, done, total, perSecond/1e6)
		})
	})
	line.end()
	for _, group := range groups {
		var g alikeGroup
		for _, x := range group {
			g.Similarity = max(g.Similarity, x.Similarity)
			g.Images = append(g.Images, alike{newSimilar(e.set, x.Image, x.Similarity), x.Nearest})
		}
		slices.SortStableFunc(g.Images, func(a, b alike) int { return cmp.Compare(b.Similarity, a.Similarity) })
		d.Groups = append(d.Groups, g)
	}
	return d, err
}

// numImages returns the number of images in groups, and the number of groups with several classes.
func (d duplicates) numImages() (images, mixed int) {
	for _, g := range d.Groups {
		images += len(g.Images)
		if g.mixed() {
			mixed++
		}
	}
	return images, mixed
}

// mixed reports whether two images of the group have different classes.
func (g alikeGroup) mixed() bool {
	classes := map[string]bool{}
	for _, x := range g.Images {
		if x.Class != "" {
			classes[x.Class] = true
		}
	}
	return len(classes) > 1
}

func (g alikeGroup) title(i int) string {
	text := fmt.Sprintf("group %d: %s", i+1, count(len(g.Images), "image"))
	if g.mixed() {
		text += " of different classes"
	}
	return text
}

func (d duplicates) print(out io.Writer) {
	for i, g := range d.Groups {
		printLine(out, "%s", g.title(i))
		for _, x := range g.Images {
			printLine(out, "  %.4f  %s", x.Similarity, x.text())
		}
	}
	printLine(out, "%s", d.summary())
}

// summary describes the groups in a line. Where most images are alike, it proposes another threshold.
func (d duplicates) summary() string {
	images, mixed := d.numImages()
	if images == 0 {
		return fmt.Sprintf("no two of %s have a cosine similarity of at least %v", count(d.Images, "image"), d.Threshold)
	}
	text := d.title() + fmt.Sprintf(": %d of %s", images, count(d.Images, "image"))
	if 2*images > d.Images {
		if higher := d.higherThreshold(); higher < 1 {
			text += fmt.Sprintf("; to this network most images are similar: --threshold %v leaves at most a twentieth of them", higher)
		} else {
			text += "; this network gives nearly all images the same features: use one that was trained for longer, or on such images"
		}
	} else if mixed > 0 {
		text += fmt.Sprintf("; %s of different classes: a label may be wrong", count(mixed, "group"))
	}
	return text
}

func (d duplicates) title() string {
	return fmt.Sprintf("%s of images with a cosine similarity of at least %v", count(len(d.Groups), "group"), d.Threshold)
}

// higherThreshold returns a threshold of three decimals that at most a twentieth of the images, those with the most similar other ones, reach.
func (d duplicates) higherThreshold() float64 {
	var all []float64
	for _, g := range d.Groups {
		for _, x := range g.Images {
			all = append(all, x.Similarity)
		}
	}
	slices.Sort(all)
	return min(1, math.Floor(all[len(all)-1-min(d.Images/20, len(all)-1)]*1e3+1)/1e3)
}

// Most of a sheet of duplicates.
const (
	maxGroups = 40
	maxAlike  = tileColumns // images of a group
)

// strips returns the groups as a sheet.
func (d duplicates) strips() []strip {
	title := d.title()
	if len(d.Groups) > maxGroups {
		title += fmt.Sprintf("; the first %d", maxGroups)
	}
	strips := []strip{{title: title}}
	for i, g := range d.Groups[:min(len(d.Groups), maxGroups)] {
		s := strip{title: g.title(i)}
		if len(g.Images) > maxAlike {
			s.title += fmt.Sprintf(", the first %d", maxAlike)
		}
		for _, x := range g.Images[:min(len(g.Images), maxAlike)] {
			s.tiles = append(s.tiles, x.tile())
		}
		strips = append(strips, s)
	}
	return strips
}
