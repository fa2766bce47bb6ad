package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/eval"
)

func embedCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	t := trainedNetworkFlags(fs, "to compute features of")
	end := inGroup(fs, outputGroup)
	out := fs.String("out", "", "`FILE` to write, a row per image. .npy: float32 [N D], with the file and class of each row in FILE"+rowsSuffix+" beside it; "+
		".csv: file, class, f0, f1, …; .parquet: file, class, features (a list of float32). class is empty for images without a label")
	normalize := fs.Bool("normalize", false, "divide each feature vector by its L2 norm, so that dot products are cosines; by default the features are those of the exported backbone")
	dense := fs.Bool("dense", false, ".npy: write what the features are pooled from: the last feature map [N C h w] of a convolutional network, or the tokens [N T D] of a transformer; "+
		"--normalize divides the vector of each position")
	asJSON := fs.Bool("json", false, "print what was written as JSON")
	end()
	return func(ctx context.Context, args []string) error {
		if err := t.check(args); err != nil {
			return err
		}
		format, known := featureFormats[filepath.Ext(*out)]
		switch {
		case *out == "":
			return usagef("embed: --out is required: name a file that ends in %s", formatNames())
		case !known:
			return usagef("--out %s: the name decides the format: end it in %s", *out, formatNames())
		case *dense && filepath.Ext(*out) != featuresSuffix:
			return usagef("--dense: a feature map has more than one vector per image, which only .npy holds: end --out in .npy, or omit --dense")
		}
		if err := checkFolder(*out); err != nil {
			return err
		}
		e, err := t.open(ctx)
		if err != nil {
			return err
		}
		defer e.close()
		x := embedding{embedder: e, Model: e.name, Branch: e.branch, Data: e.set.Name, File: *out, Images: e.set.Len(), Skipped: len(e.set.Skipped), Normalized: *normalize, Dense: *dense}
		if err := x.write(ctx, format); err != nil {
			return err
		}
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(x)
		}
		x.print(os.Stdout)
		return nil
	}
}

// embedding is a file of features. Its JSON is the output of --json.
type embedding struct {
	*embedder  `json:"-"`
	Model      string `json:"model"`
	Branch     string `json:"branch,omitempty"`
	Data       string `json:"data"`
	File       string `json:"file"`
	Rows       string `json:"rows,omitempty"` // file with the file and class of each row, if File lacks them
	Images     int    `json:"images"`
	Skipped    int    `json:"skipped"`
	Shape      []int  `json:"shape"`
	Normalized bool   `json:"normalized"`
	Dense      bool   `json:"dense"`
}

// write computes the features and writes them batch by batch.
func (x *embedding) write(ctx context.Context, format featureFormat) error {
	enc, free, err := x.encoder(x.dev, x.Dense, x.set)
	if err != nil {
		return err
	}
	defer free()
	err = net.WriteFileAtomic(x.File, func(w io.Writer) error {
		line := showFeatures(enc, x.set)
		defer line.end()
		file := format.writer(w, x.set)
		err := enc.Batches(ctx, x.set, func(first int, values []float32) error {
			values, shape := x.arrange(enc.Shape(), values, min(enc.BatchSize(), x.Images-first))
			if first == 0 {
				x.Shape = append([]int{x.Images}, shape...)
				if err := file.begin(x.Shape); err != nil {
					return err
				}
			}
			return file.add(first, values)
		})
		if err != nil {
			return err
		}
		return file.end()
	})
	if err != nil || format.namesRows {
		return err
	}
	x.Rows = strings.TrimSuffix(x.File, filepath.Ext(x.File)) + rowsSuffix
	return net.WriteFileAtomic(x.Rows, func(w io.Writer) error { return writeRows(w, x.set) })
}

// arrange normalizes the features of n images on request. It returns them as files hold them, with the shape of an image's. shape is that on the device.
func (x *embedding) arrange(shape []int, values []float32, n int) ([]float32, []int) {
	if x.runtime != nil { // its output need not have the shape of the device's
		shape = []int{len(values) / n}
	}
	if x.Normalized {
		eval.Normalize(values, shape[len(shape)-1])
	}
	if len(shape) == 3 {
		all, nchw := net.ToTorch(append([]int{n}, shape...), values)
		return nchw, all[1:]
	}
	return values, shape
}

func (x *embedding) print(out io.Writer) {
	what := "features"
	switch {
	case x.Dense && len(x.Shape) == 4:
		what = "feature maps"
	case x.Dense:
		what = "tokens"
	}
	if x.Normalized {
		what = "L2-normalized " + what
	}
	name := x.Model
	if x.Branch != "" {
		name += ", branch " + x.Branch
	}
	text := fmt.Sprintf("%s: %s %v of %s, %s skipped, by %s", x.File, what, x.Shape, x.Data, count(x.Skipped, "file"), name)
	if x.Rows != "" {
		text += "; the file and class of each row: " + x.Rows
	}
	printLine(out, "%s", text)
}

// formatNames lists the suffixes of files of features.
func formatNames() string {
	var names []string
	for name := range featureFormats {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
