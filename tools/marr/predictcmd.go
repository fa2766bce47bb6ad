package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/vk"
)

func predictCommand(flags *pflag.FlagSet) func(context.Context, []string) error {
	end := inGroup(flags, dataGroup)
	model := flags.String("model", "", "`FILE`.onnx of a classifier: the classifier.onnx of marr finetune or, in ONNX Runtime, that of another program")
	name := flags.String("data", "", "images `D` to classify: a folder, an archive, a list, a data-set file; labels are not used")
	end()
	end = inGroup(flags, outputGroup)
	out := flags.String("out", "", "`FILE`.csv to write: file, class and probability; default: standard output")
	top := flags.Int("top", 1, "number of classes for each image, the most probable first")
	end()
	device := deviceFlag(flags)
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
		if err := checkFolder(*out); err != nil {
			return err
		}
		c, err := openClassifier(*model)
		if err != nil {
			return err
		}
		defer c.close()
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

// classifier is an ONNX file with the names of its classes and the preparation of its images. Its network is in the device, or in ONNX Runtime.
type classifier struct {
	subject
	classes []string // nil: numbers
}

// openClassifier reads the classifier of an ONNX file.
func openClassifier(path string) (*classifier, error) {
	format, err := export.FormatOf(path)
	if err != nil || filepath.Ext(path) != ".onnx" {
		return nil, usagef("--model %s: give the classifier.onnx of marr finetune, or an .onnx file of another program", path)
	}
	w, err := format.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		s, err := runtimeSubject(path, 0, err)
		return &classifier{subject: s}, err
	}
	c := &classifier{}
	if text, ok := w.Metadata[classesKey]; ok {
		if err := json.Unmarshal([]byte(text), &c.classes); err != nil || len(c.classes) < 2 {
			return nil, fmt.Errorf("%s: its metadata %s = %.100q are no list of at least two names: export the file again", path, classesKey, text)
		}
	}
	if !w.Exported() {
		c.subject, err = runtimeSubject(path, 0, fmt.Errorf("%s: not a file of marr finetune", path))
		return c, err
	}
	if c.classes == nil {
		return nil, fmt.Errorf("%s: its metadata name no classes (%s): give a classifier.onnx of marr finetune", path, classesKey)
	}
	p, err := w.Preparation()
	if err != nil {
		return nil, err
	}
	c.subject = subject{name: path, weights: w, channels: len(p.Mean), inputs: p}
	return c, nil
}

func (c *classifier) close() {
	if c.runtime != nil {
		c.runtime.session.Close()
	}
}

// classify returns the probabilities [N K] of the classes for the images of a set.
func (c *classifier) classify(ctx context.Context, selector string, set *data.Set) (*eval.Features, error) {
	dev, err := openDevice(selector)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	var outputs []*eval.Features
	if c.runtime != nil {
		outputs, err = c.features(ctx, dev, set)
	} else {
		outputs, err = c.onDevice(ctx, dev, set)
	}
	if err != nil {
		return nil, err
	}
	y := outputs[0]
	if c.classes == nil {
		for k := range y.D {
			c.classes = append(c.classes, strconv.Itoa(k))
		}
	}
	if y.D != len(c.classes) {
		return nil, fmt.Errorf("%s: it has %d outputs and names %d classes: export the file again", c.name, y.D, len(c.classes))
	}
	if c.runtime != nil && !areProbabilities(y) {
		note("%s: its outputs are no probabilities: they are taken for logits", c.name)
		softmax(y)
	}
	return y, nil
}

// onDevice runs the network on a device.
func (c *classifier) onDevice(ctx context.Context, dev *vk.Device, set *data.Set) ([]*eval.Features, error) {
	st := kernels.NewStore(dev)
	defer st.Free()
	network, _, err := c.weights.Classifier(st)
	if err != nil {
		return nil, err
	}
	enc, err := eval.NewEncoder(st, network.Probabilities(), c.inputs, set)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	line := newWorkProgress()
	defer line.end()
	enc.Progress = func(images, total int) {
		line.update(images, total, func(perSecond float64) string {
			return fmt.Sprintf("%s: %d/%d images  %.1f/s", set.Name, images, total, perSecond)
		})
	}
	y, err := enc.Features(ctx, set)
	return []*eval.Features{y}, err
}

// areProbabilities reports whether no output is negative and those of each image sum to 1, within float32 and float16 rounding.
func areProbabilities(y *eval.Features) bool {
	for i := range y.N {
		sum := 0.
		for _, p := range y.X[i*y.D:][:y.D] {
			if p < 0 {
				return false
			}
			sum += float64(p)
		}
		if math.Abs(sum-1) > 1e-2 {
			return false
		}
	}
	return true
}

// softmax turns logits into probabilities, in place.
func softmax(y *eval.Features) {
	for i := range y.N {
		row, sum := y.X[i*y.D:][:y.D], 0.
		largest := slices.Max(row)
		for k, v := range row {
			row[k] = float32(math.Exp(float64(v - largest)))
			sum += float64(row[k])
		}
		for k := range row {
			row[k] /= float32(sum)
		}
	}
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
		line := []string{nameOf(p.set, i)}
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
