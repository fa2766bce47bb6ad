package net

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net/registry"
)

// Weights are the tensors of a file that holds a network, under the file's names and in PyTorch's layouts: an exported backbone, or weights of torchvision,
// timm or DINO. Format.Read of package export reads them.
type Weights struct {
	Path     string // of the file
	Tensors  []Blob
	Metadata map[string]string
	Size     int // side of the images that the file's graph takes, in pixels; 0: not stated
}

// Preparation is how images are prepared for a network: resized and cropped to Size × Size pixels, scaled to 0 … 1, and normalized by channel.
type Preparation struct {
	Mean, Std []float64
	Size      int
}

// The preparation of torchvision's weights (IMAGENET1K_V1, transforms/_presets.py ImageClassification).
var (
	imageNetMean = []float64{0.485, 0.456, 0.406}
	imageNetStd  = []float64{0.229, 0.224, 0.225}
)

const imageNetSize = 224

// metadataPrefix starts the keys of the metadata that exports write.
const metadataPrefix = "marr."

// Exported reports whether the file is an export of this program, whose metadata state the network and the preparation of images.
func (w *Weights) Exported() bool { return w.Metadata[metadataPrefix+"arch"] != "" }

// HasPreparation reports whether the metadata state the preparation of images.
func (w *Weights) HasPreparation() bool {
	return w.Exported() || w.Metadata[metadataPrefix+"mean"] != ""
}

// Preparation returns the metadata's preparation. In a file without it, that of torchvision's ImageNet weights, with the size of the file's graph if it
// has a fixed one, else 224.
func (w *Weights) Preparation() (p Preparation, err error) {
	if !w.HasPreparation() {
		p = Preparation{imageNetMean, imageNetStd, imageNetSize}
		if w.Size > 0 {
			p.Size = w.Size
		}
		return p, nil
	}
	for key, to := range map[string]any{"mean": &p.Mean, "std": &p.Std, "size": &p.Size} {
		if err := json.Unmarshal([]byte(w.Metadata[metadataPrefix+key]), to); err != nil {
			return p, fmt.Errorf("net: %s: metadata %s%s = %q cannot be read: export the file again", w.Path, metadataPrefix, key, w.Metadata[metadataPrefix+key])
		}
	}
	if len(p.Mean) == 0 || len(p.Mean) != len(p.Std) || p.Size < 1 {
		return p, fmt.Errorf("net: %s: metadata with mean %v, std %v and size %d: want one number per channel, and a size: export the file again", w.Path, p.Mean, p.Std, p.Size)
	}
	return p, nil
}

// Recognize returns the configuration of the backbone that the weights belong to: that of the metadata or, without it, of the registered architecture
// whose names and shapes the tensors have. given are settings of the architecture that the caller knows; they override the metadata, and decide what
// shapes leave open. Recognize does not compare all shapes: Restore does.
func (w *Weights) Recognize(given map[string]any) (Config, error) {
	if w.Exported() {
		return w.stated(given)
	}
	shapes := map[string][]int{}
	for _, b := range w.Tensors {
		shapes[fromTorchvision(b.Name)] = b.Shape
	}
	for _, name := range Architectures() {
		a, err := NewArchitecture(name)
		if err != nil {
			return Config{}, err
		}
		r, ok := a.(interface {
			Recognize(shapes map[string][]int) (channels int, ok bool)
		})
		if !ok {
			continue
		}
		channels, ok := r.Recognize(shapes)
		if !ok {
			continue
		}
		settings := registry.Values(a)
		for key, v := range given {
			settings[key] = v
		}
		for _, o := range registry.Options(a) {
			if settings[o.Name] == "" {
				return Config{}, fmt.Errorf("net: %s holds a %s whose --%s does not follow from the shapes of its tensors: give --%s", w.Path, name, o.Name, o.Name)
			}
		}
		return NewConfig(name, settings, "", channels)
	}
	return Config{}, fmt.Errorf("net: %s: its %d tensors are not those of a known network, with the names of torchvision, timm or DINO: known are %s", w.Path, len(w.Tensors), strings.Join(Architectures(), ", "))
}

// stated returns the configuration that the metadata of an exported file state.
func (w *Weights) stated(given map[string]any) (Config, error) {
	name := w.Metadata[metadataPrefix+"arch"]
	a, err := NewArchitecture(name)
	if err != nil {
		return Config{}, fmt.Errorf("net: %s: %w", w.Path, err)
	}
	settings := map[string]any{}
	for _, o := range registry.Options(a) {
		if v, ok := w.Metadata[metadataPrefix+o.Name]; ok {
			settings[o.Name] = v
		}
		if v, ok := given[o.Name]; ok {
			settings[o.Name] = v
		}
	}
	channels, err := strconv.Atoi(w.Metadata[metadataPrefix+"channels"])
	if err != nil {
		return Config{}, fmt.Errorf("net: %s: metadata %schannels = %q: want 1 or 3: export the file again", w.Path, metadataPrefix, w.Metadata[metadataPrefix+"channels"])
	}
	return NewConfig(name, settings, w.Metadata[metadataPrefix+"norm"], channels)
}

// Taken reports what Restore did with the tensors of a file.
type Taken struct {
	Tensors int      // written to the backbone
	Left    []string // names of the others, such as those of a classifier
}

// batchCounter ends the names of PyTorch's counters of the batches that a batch norm has seen, which inference does not use.
const batchCounter = ".num_batches_tracked"

// String describes the report in one line.
func (t Taken) String() string {
	var left []string
	counters := 0
	for _, name := range t.Left {
		if strings.HasSuffix(name, batchCounter) {
			counters++
		} else {
			left = append(left, printable(name))
		}
	}
	text := fmt.Sprintf("%d tensors taken", t.Tensors)
	if len(left) > 0 {
		text += ", left out " + abbreviated(left)
	}
	switch {
	case counters == 1:
		text += ", 1 counter of batches ignored"
	case counters > 1:
		text += fmt.Sprintf(", %d counters of batches ignored", counters)
	}
	return text
}

// printable quotes a name that has characters that a terminal does not print.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// Restore writes the tensors into the store's backbone and changes nothing else, such as a new head. The file must hold every parameter and running
// statistic of the backbone in the same shape; otherwise the error lists what differs, with both shapes, and nothing is written. Tensors that the
// backbone does not have are left, and reported.
func (w *Weights) Restore(st *kernels.Store) (Taken, error) {
	tensors := w.byName()
	to := backboneOf(st, "", "")
	for i := range to {
		to[i].name = strings.TrimPrefix(to[i].name, BackbonePrefix)
	}
	if why := unfit(tensors, to); len(why) > 0 {
		return Taken{}, fmt.Errorf("net: %s does not fit the network: %s: choose the network that it was made for", w.Path, strings.Join(why, "; "))
	}
	if err := writeAll(tensors, to); err != nil {
		return Taken{}, err
	}
	for _, t := range to {
		delete(tensors, t.name)
	}
	return Taken{len(to), slices.Sorted(maps.Keys(tensors))}, nil
}

// byName returns the tensors by the names that the networks of this package have.
func (w *Weights) byName() map[string]Blob {
	tensors := map[string]Blob{}
	for _, b := range w.Tensors {
		tensors[fromTorchvision(b.Name)] = b
	}
	return tensors
}
