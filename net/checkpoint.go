package net

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk/filesys"
)

// formatVersion is Meta.Version of the files that SaveCheckpoint writes. LoadCheckpoint refuses others. Since version 2 the names of a backbone's tensors
// start with BackbonePrefix, and settings have other names.
const formatVersion = 2

// maxCheckpoint is the size in bytes from which a file is no checkpoint: 64 GiB.
const maxCheckpoint = 1 << 36

// Meta is a checkpoint's JSON, under the key "marr" of the file's metadata. It holds neither times nor counts of resumes: the bytes of a checkpoint
// depend on the run alone.
type Meta struct {
	Version int             `json:"version"`
	Step    int             `json:"step"`  // completed steps
	Epoch   int             `json:"epoch"` // completed epochs
	Config  json.RawMessage `json:"config"`
	Data    string          `json:"data"`    // fingerprint of the images
	Kernels string          `json:"kernels"` // how kernels read memory (kernels.InputAccess): the bits depend on it
	// Variants are the kernels that were chosen for each pass and shape. A resumed run uses the same.
	Variants map[string]string `json:"variants,omitempty"`
	Mean     []float64         `json:"mean"` // of the images, on the scale 0 … 1, by channel
	Std      []float64         `json:"std"`
	Channels int               `json:"channels"` // of the images
	// Watch is the state of the collapse watch (watch.Watch), which a resumed run continues.
	Watch json.RawMessage `json:"watch,omitempty"`
	// Branch is the exported backbone: "" for the trained one, or Teacher for its momentum encoder.
	Branch string `json:"branch,omitempty"`
	// Unmeasured reports that the run was stopped during the measurement after this step. A resumed run measures first.
	Unmeasured bool `json:"unmeasured,omitempty"`
}

// ErrDamaged means that a checkpoint was truncated or changed after it was written.
var ErrDamaged = errors.New("damaged")

// Checkpoint is a saved run: every tensor of its store in PyTorch's layouts, the optimizer's moments under "optimizer.0." and
// "optimizer.1.", moving averages under "average.".
type Checkpoint struct {
	Meta    Meta
	tensors map[string]Blob
}

// Prefixes of names in checkpoints.
const (
	averagePrefix  = "average."  // moving averages of parameters
	momentumPrefix = "momentum." // running statistics of momentum encoders
)

// privatePrefix starts the names of states of the device program, which are not saved.
const privatePrefix = "marr."

// previous returns the path at which SaveCheckpoint keeps the checkpoint before the newest.
func previous(path string) string { return strings.TrimSuffix(path, ".ckpt") + ".prev.ckpt" }

// checksum returns the CRC-32 of the contents of a checkpoint: its JSON, then the name, type, shape and data of each tensor.
func checksum(text string, blobs []Blob) string {
	h := crc32.NewIEEE()
	io.WriteString(h, text)
	for _, b := range blobs {
		fmt.Fprintln(h, b.Name, b.DType, b.Shape)
		h.Write(b.Data)
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

// SaveCheckpoint writes the store and meta to path as safetensors. The checkpoint that was there becomes the .prev one, unless it is
// damaged. The store must be on the device, where its moments are. SaveCheckpoint waits for the device.
func SaveCheckpoint(path string, st *kernels.Store, meta Meta) error {
	meta.Version = formatVersion
	text, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("net: checkpoint %s: %w", path, err)
	}
	blobs, err := collect(st)
	if err != nil {
		return fmt.Errorf("net: checkpoint %s: %w", path, err)
	}
	if err := keepPrevious(path); err != nil {
		return err
	}
	metadata := map[string]string{"marr": string(text), "crc32": checksum(string(text), blobs)}
	return WriteFileAtomic(path, func(w io.Writer) error { return EncodeSafetensors(w, blobs, metadata) })
}

// part is one of the tensors of a parameter in a checkpoint.
type part struct {
	name  string
	read  func() ([]float32, error)
	write func([]float32) error
}

// parts lists a parameter's value, its moments and, if it has one, its moving average.
func parts(p *kernels.Param) []part {
	all := []part{{p.Name, p.Read, p.Write}}
	for m := range kernels.Moment(2) {
		all = append(all, part{fmt.Sprintf("optimizer.%d.%s", m, p.Name),
			func() ([]float32, error) { return p.ReadMoment(m) }, func(v []float32) error { return p.WriteMoment(m, v) }})
	}
	if p.HasAverage() {
		all = append(all, part{averagePrefix + p.Name, p.ReadAverage, p.WriteAverage})
	}
	return all
}

// collect reads the tensors of a checkpoint: parameters with moments and averages, then states, in order of declaration.
func collect(st *kernels.Store) ([]Blob, error) {
	var blobs []Blob
	for _, p := range st.Params() {
		for _, x := range parts(p) {
			v, err := x.read()
			if err != nil {
				return nil, err
			}
			shape, v := ToTorch(p.Shape, v)
			blobs = append(blobs, FromFloat32s(x.name, shape, v))
		}
	}
	for _, x := range st.States() {
		if strings.HasPrefix(x.Name, privatePrefix) {
			continue
		}
		v, err := x.Read()
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, FromFloat32s(x.Name, x.Shape, v))
	}
	return blobs, nil
}

// keepPrevious links the newest checkpoint to the .prev name before the next one replaces it, so that at every moment one of the two is intact.
// It leaves a damaged checkpoint to be overwritten, because the .prev one is the last good one. If the file system has no hard links it moves
// the checkpoint, and LoadNewest finds it under the .prev name.
func keepPrevious(path string) error {
	_, err := LoadCheckpoint(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrDamaged) {
		return nil
	}
	temp := path + ".keep"
	os.Remove(temp) // a process that was killed here may have left it
	if os.Link(path, temp) != nil {
		temp = path
	}
	if err := filesys.Replace(temp, previous(path)); err != nil {
		return fmt.Errorf("net: checkpoint: keep the previous one: %w", err)
	}
	return nil
}

// LoadCheckpoint reads one file. The error wraps os.ErrNotExist if there is no file, and ErrDamaged if it was truncated or changed.
func LoadCheckpoint(path string) (*Checkpoint, error) {
	raw, err := ReadFile(path, maxCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("net: checkpoint: %w", err)
	}
	blobs, metadata, err := DecodeSafetensors(raw)
	if err != nil {
		return nil, fmt.Errorf("net: checkpoint %s is %w: %w", path, ErrDamaged, err)
	}
	text, ok := metadata["marr"]
	if !ok {
		return nil, fmt.Errorf("net: %s: not a checkpoint of marr: give the checkpoint.ckpt of a run folder", path)
	}
	c := &Checkpoint{tensors: map[string]Blob{}}
	if err := json.Unmarshal([]byte(text), &c.Meta); err != nil {
		return nil, fmt.Errorf("net: checkpoint %s is %w: %w", path, ErrDamaged, err)
	}
	if c.Meta.Version != formatVersion { // before the checksum, which other formats may compute differently
		return nil, fmt.Errorf("net: checkpoint %s has format %d, this program reads format %d: use the version of marr that wrote it, or start a new run", path, c.Meta.Version, formatVersion)
	}
	if got, want := checksum(text, blobs), metadata["crc32"]; got != want {
		return nil, fmt.Errorf("net: checkpoint %s is %w: its checksum is %s, the file states %q", path, ErrDamaged, got, want)
	}
	for _, b := range blobs {
		c.tensors[b.Name] = b
	}
	return c, nil
}

// WriteValues writes the names, types, shapes and data of the tensors: what the outputs of the networks depend on.
func (c *Checkpoint) WriteValues(to io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(c.tensors)) {
		b := c.tensors[name]
		if _, err := fmt.Fprintln(to, b.Name, b.DType, b.Shape); err != nil {
			return err
		}
		if _, err := to.Write(b.Data); err != nil {
			return err
		}
	}
	return nil
}

// LoadNewest reads path or, if that file is damaged or missing, the checkpoint before it; note then describes the fallback. If neither exists the error
// wraps os.ErrNotExist. Any other failure, such as a file of another format, is an error and does not fall back.
func LoadNewest(path string) (c *Checkpoint, note string, err error) {
	c, err = LoadCheckpoint(path)
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, os.ErrNotExist) {
		return c, "", err
	}
	before, errBefore := LoadCheckpoint(previous(path))
	switch {
	case errBefore == nil:
		return before, fmt.Sprintf("%v: continuing from the checkpoint before it, step %d", err, before.Meta.Step), nil
	case errors.Is(errBefore, os.ErrNotExist) && errors.Is(err, os.ErrNotExist):
		return nil, "", err
	case errors.Is(errBefore, os.ErrNotExist):
		errBefore = err
	}
	return nil, "", fmt.Errorf("%w: no intact checkpoint is left: start again in another folder", errBefore)
}
