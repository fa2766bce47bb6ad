package net

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"marr/kernels"
)

// formatVersion is what Meta.Version is in files written here; others are refused.
const formatVersion = 1

// Meta is a checkpoint's JSON, under the key "marr" of the file's metadata. It holds no times and no counts of resumes: a checkpoint's
// bytes depend on the run alone.
type Meta struct {
	Version  int             `json:"version"`
	Step     int             `json:"step"`  // steps done
	Epoch    int             `json:"epoch"` // epochs done
	Config   json.RawMessage `json:"config"`
	Data     string          `json:"data"`    // fingerprint of the images
	Kernels  string          `json:"kernels"` // family: same bits = same kernels
	Mean     []float64       `json:"mean"`    // of the images, on the scale 0 … 1, by channel
	Std      []float64       `json:"std"`
	Channels int             `json:"channels"` // of the images
}

// Checkpoint is a saved run: every tensor of its store in PyTorch's layouts, the optimizer's moments under "optimizer.0." and "optimizer.1.".
type Checkpoint struct {
	Meta    Meta
	tensors map[string]Blob
}

// private marks state of the device program that checkpoints leave out.
const private = "marr."

// previous is where SaveCheckpoint keeps the checkpoint before the newest.
func previous(path string) string { return strings.TrimSuffix(path, ".ckpt") + ".prev.ckpt" }

// SaveCheckpoint writes the store and meta to path as safetensors; the checkpoint that was there becomes the .prev one. It waits for the device.
func SaveCheckpoint(path string, st *kernels.Store, meta Meta) error {
	meta.Version = formatVersion
	var blobs []Blob
	for _, p := range st.Params() {
		reads := []func() ([]float32, error){p.Read,
			func() ([]float32, error) { return p.ReadMoment(0) }, func() ([]float32, error) { return p.ReadMoment(1) }}
		for i, read := range reads {
			v, err := read()
			if err != nil {
				return err
			}
			name := p.Name
			if i > 0 {
				name = fmt.Sprintf("optimizer.%d.%s", i-1, p.Name)
			}
			shape, v := ToTorch(p.Shape, v)
			blobs = append(blobs, FromFloat32s(name, shape, v))
		}
	}
	for _, x := range st.States() {
		if strings.HasPrefix(x.Name, private) {
			continue
		}
		v, err := x.Read()
		if err != nil {
			return err
		}
		blobs = append(blobs, FromFloat32s(x.Name, x.Shape, v))
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("net: checkpoint %s: %w", path, err)
	}
	if err := keepPrevious(path); err != nil {
		return err
	}
	return WriteFileAtomic(path, func(w io.Writer) error { return EncodeSafetensors(w, blobs, map[string]string{"marr": string(text)}) })
}

// keepPrevious gives the newest checkpoint a second name before the new one takes its first: at every moment one of the two is whole.
func keepPrevious(path string) error {
	temp := path + ".keep"
	os.Remove(temp) // left by a process that was killed here
	if err := os.Link(path, temp); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("net: checkpoint: keep the last one: %w", err)
	}
	if err := os.Rename(temp, previous(path)); err != nil {
		return fmt.Errorf("net: checkpoint: keep the last one: %w", err)
	}
	return nil
}

// LoadCheckpoint reads one file. A file that is not there gives an error that is os.ErrNotExist.
func LoadCheckpoint(path string) (*Checkpoint, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("net: checkpoint: %w", err)
	}
	blobs, meta, err := DecodeSafetensors(raw)
	if err != nil {
		return nil, fmt.Errorf("net: checkpoint %s is damaged: %w", path, err)
	}
	c := &Checkpoint{tensors: map[string]Blob{}}
	if err := json.Unmarshal([]byte(meta["marr"]), &c.Meta); err != nil {
		return nil, fmt.Errorf("net: %s: not a checkpoint of marr: %w", path, err)
	}
	if c.Meta.Version != formatVersion {
		return nil, fmt.Errorf("net: checkpoint %s has format %d, this program reads %d: use the marr that wrote it", path, c.Meta.Version, formatVersion)
	}
	for _, b := range blobs {
		c.tensors[b.Name] = b
	}
	return c, nil
}

// LoadNewest reads path or, where that is damaged, the checkpoint before it; then note says so.
func LoadNewest(path string) (c *Checkpoint, note string, err error) {
	c, err = LoadCheckpoint(path)
	if err == nil {
		return c, "", nil
	}
	before, err2 := LoadCheckpoint(previous(path))
	if err2 != nil {
		return nil, "", err
	}
	return before, fmt.Sprintf("%v: going on from the one before it, step %d", err, before.Meta.Step), nil
}

// Restore writes every tensor of the file into the store. Both must hold the same names and shapes; what differs is listed.
func (c *Checkpoint) Restore(st *kernels.Store) error {
	left := map[string]bool{}
	for name := range c.tensors {
		left[name] = true
	}
	for _, p := range st.Params() {
		writes := map[string]func([]float32) error{p.Name: p.Write,
			"optimizer.0." + p.Name: func(v []float32) error { return p.WriteMoment(0, v) },
			"optimizer.1." + p.Name: func(v []float32) error { return p.WriteMoment(1, v) }}
		for name, write := range writes {
			if err := c.restore(name, p.Shape, write); err != nil {
				return err
			}
			delete(left, name)
		}
	}
	for _, x := range st.States() {
		if strings.HasPrefix(x.Name, private) {
			continue
		}
		if err := c.restore(x.Name, x.Shape, x.Write); err != nil {
			return err
		}
		delete(left, x.Name)
	}
	if len(left) > 0 {
		return fmt.Errorf("net: checkpoint has %d tensors that the network lacks, such as %s: it is of another network", len(left), slices.Sorted(maps.Keys(left))[0])
	}
	return nil
}

// RestoreBackbone writes the parameters and running statistics that the store shares with the file by name, and leaves the rest (a new head)
// as it is. Finding no conv1 is an error.
func (c *Checkpoint) RestoreBackbone(st *kernels.Store) error {
	if _, ok := c.tensors["conv1.weight"]; !ok {
		return errors.New("net: checkpoint holds no conv1.weight: it is not of a ResNet")
	}
	for _, p := range st.Params() {
		if _, ok := c.tensors[p.Name]; ok {
			if err := c.restore(p.Name, p.Shape, p.Write); err != nil {
				return err
			}
		}
	}
	for _, x := range st.States() {
		if _, ok := c.tensors[x.Name]; ok {
			if err := c.restore(x.Name, x.Shape, x.Write); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Checkpoint) restore(name string, shape []int, write func([]float32) error) error {
	b, ok := c.tensors[name]
	if !ok {
		return fmt.Errorf("net: checkpoint has no %s: it is of another network", name)
	}
	v, err := Float32s(b)
	if err != nil {
		return fmt.Errorf("net: checkpoint: %s: %w", name, err)
	}
	if want := torchShape(shape); !slices.Equal(b.Shape, want) {
		return fmt.Errorf("net: checkpoint: %s is %v, want %v: it is of another network", name, b.Shape, want)
	}
	return write(FromTorch(shape, v))
}

func torchShape(shape []int) []int {
	if len(shape) != 4 {
		return shape
	}
	return []int{shape[0], shape[3], shape[1], shape[2]}
}

// ToTorch turns a convolution's weight [K R S C] into PyTorch's [K C R S]; other shapes stay.
func ToTorch(shape []int, v []float32) ([]int, []float32) {
	if len(shape) != 4 {
		return shape, v
	}
	k, rs, c := shape[0], shape[1]*shape[2], shape[3]
	return torchShape(shape), turn(v, k, rs, c)
}

// FromTorch is the inverse of ToTorch; shape is [K R S C].
func FromTorch(shape []int, v []float32) []float32 {
	if len(shape) != 4 {
		return v
	}
	return turn(v, shape[0], shape[3], shape[1]*shape[2])
}

// turn makes [k b a] of [k a b].
func turn(v []float32, k, a, b int) []float32 {
	out := make([]float32, len(v))
	for i := range k {
		for x := range a {
			for y := range b {
				out[(i*b+y)*a+x] = v[(i*a+x)*b+y]
			}
		}
	}
	return out
}
