package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"marr/export"
	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
	"marr/ssl/eval"
)

func predictCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	end := inGroup(fs, dataGroup)
	model := fs.String("model", "", "`FILE`.onnx of a classifier, such as the classifier.onnx of marr finetune")
	name := fs.String("data", "", "images `D` to classify: a folder, an archive, a list, a data-set file; labels are not used")
	end()
	end = inGroup(fs, outputGroup)
	out := fs.String("out", "", "`FILE`.csv to write: file, class and probability; default: standard output")
	top := fs.Int("top", 1, "number of classes for each image, the most probable first")
	end()
	device := deviceFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		if *model == "" || *name == "" {
			return usagef("predict: --model and --data are required: name the classifier and the images")
		}
		if *top < 1 {
			return usagef("--top %d: want at least 1", *top)
		}
		if info, err := os.Stat(filepath.Dir(*out)); err != nil || !info.IsDir() {
			return fmt.Errorf("--out %s: there is no folder %s: make it first, or choose another", *out, filepath.Dir(*out))
		}
		c, err := openClassifier(*model)
		if err != nil {
			return err
		}
		set, err := openSet(ctx, *name, c.inputs.Size)
		if err != nil {
			return err
		}
		defer set.Close()
		probabilities, err := c.classify(ctx, *device, withChannels(set, c.channels))
		if err != nil {
			return err
		}
		p := predictions{set, c.classes, probabilities, min(*top, len(c.classes))}
		if *out == "" {
			return p.write(os.Stdout)
		}
		if err := net.WriteFileAtomic(*out, p.write); err != nil {
			return err
		}
		printLine(os.Stdout, "%s: %s classified, %d skipped", *out, count(set.Len(), "image"), len(set.Skipped))
		return nil
	}
}

// classifier is an ONNX file with its classes and the preparation of its images.
type classifier struct {
	weights  *net.Weights
	classes  []string
	channels int
	inputs   eval.Inputs
}

// openClassifier reads the classifier of an ONNX file.
func openClassifier(path string) (*classifier, error) {
	format, err := export.FormatOf(path)
	if err != nil {
		return nil, usageError{err}
	}
	w, err := format.Read(path)
	if err != nil {
		return nil, err
	}
	c := &classifier{weights: w}
	text, ok := w.Metadata[classesKey]
	if !ok {
		return nil, fmt.Errorf("%s: its metadata name no classes (%s): give a classifier.onnx of marr finetune", path, classesKey)
	}
	if err := json.Unmarshal([]byte(text), &c.classes); err != nil || len(c.classes) < 2 {
		return nil, fmt.Errorf("%s: its metadata %s = %.100q are no list of at least two names: export the file again", path, classesKey, text)
	}
	p, err := w.Preparation()
	if err != nil {
		return nil, err
	}
	c.channels, c.inputs = len(p.Mean), eval.Inputs{Mean: p.Mean, Std: p.Std, Size: p.Size}
	return c, nil
}

// classify returns the probabilities [N K] of the classes for the images of a set, computed on a device.
func (c *classifier) classify(ctx context.Context, device string, set *data.Set) (*eval.Features, error) {
	dev, err := openDevice(device)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	st := kernels.NewStore(dev)
	defer st.Free()
	network, classes, err := c.weights.Classifier(st)
	if err != nil {
		return nil, err
	}
	if classes != len(c.classes) {
		return nil, fmt.Errorf("%s: it has %d outputs and names %d classes: export the file again", c.weights.Path, classes, len(c.classes))
	}
	enc, err := eval.NewEncoder(st, network.Probabilities(), c.inputs, set)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	return enc.Features(ctx, set)
}

// predictions are the probabilities of the classes for the images of a set.
type predictions struct {
	set           *data.Set
	classes       []string
	probabilities *eval.Features // [N K]
	top           int
}

// write writes a line for each image as CSV (RFC 4180): its file within the set, or its number where the set has no files, then the most probable classes
// with their probabilities.
func (p predictions) write(to io.Writer) error {
	w := csv.NewWriter(to)
	header := []string{"file", "class", "probability"}
	if p.top > 1 {
		header = header[:1]
		for k := range p.top {
			header = append(header, fmt.Sprintf("class%d", k+1), fmt.Sprintf("probability%d", k+1))
		}
	}
	if err := w.Write(header); err != nil {
		return err
	}
	order := make([]int, len(p.classes))
	for i := range p.probabilities.N {
		row := p.probabilities.X[i*p.probabilities.D:][:p.probabilities.D]
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
		line := []string{strconv.Itoa(i)}
		if p.set.Files != nil {
			line[0] = p.set.Files[i]
		}
		for _, k := range order[:p.top] {
			line = append(line, p.classes[k], strconv.FormatFloat(float64(row[k]), 'f', 4, 32))
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
