package net

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"marr/kernels"
)

// target is a tensor of a store that a file's tensor of this name is written to.
type target struct {
	name  string
	shape []int // the store's: [K R S C] for a convolution
	write func([]float32) error
}

// Restore writes every tensor of the file into the store, which must be on the device: that is where moments and averages go. Both must hold the
// same names and shapes; else what differs is listed and nothing is written.
func (c *Checkpoint) Restore(st *kernels.Store) error {
	var to []target
	for _, p := range st.Params() {
		for _, x := range parts(p) {
			to = append(to, target{x.name, p.Shape, x.write})
		}
	}
	for _, x := range st.States() {
		if !strings.HasPrefix(x.Name, private) {
			to = append(to, target{x.Name, x.Shape, x.Write})
		}
	}
	return c.restore(to, func(string) bool { return true })
}

// RestoreBackbone writes the backbone that is the file's product (parameters and running statistics, no moments; the momentum encoder's where
// Meta.Branch says so) into the store's and leaves all else, such as a new head, as it is. Both backbones must hold the same names and shapes; else
// what differs is listed and nothing is written.
func (c *Checkpoint) RestoreBackbone(st *kernels.Store) error {
	values, statistics := "", ""
	if c.Meta.Branch == Teacher {
		values, statistics = averagePrefix, momentumPrefix
	}
	var to []target
	for _, p := range st.Params() {
		if ofBackbone(p.Name) {
			to = append(to, target{values + p.Name, p.Shape, p.Write})
		}
	}
	for _, x := range st.States() {
		if ofBackbone(x.Name) {
			to = append(to, target{statistics + x.Name, x.Shape, x.Write})
		}
	}
	return c.restore(to, func(name string) bool {
		bare, average := strings.CutPrefix(name, averagePrefix)
		bare, own := strings.CutPrefix(bare, momentumPrefix)
		if values == "" {
			return ofBackbone(name)
		}
		return ofBackbone(bare) && (average || own)
	})
}

// ofBackbone tells a ResNet's tensors from those of projectors, heads and optimizers by their names.
func ofBackbone(name string) bool {
	for _, prefix := range []string{"conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// restore writes the tensors of the file that wanted picks into their targets, once all of them fit.
func (c *Checkpoint) restore(to []target, wanted func(name string) bool) error {
	left := map[string]bool{}
	for name := range c.tensors {
		if wanted(name) {
			left[name] = true
		}
	}
	var lacks, differs []string
	for _, t := range to {
		b, ok := c.tensors[t.name]
		if want := torchShape(t.shape); !ok {
			lacks = append(lacks, t.name)
		} else if !slices.Equal(b.Shape, want) || b.DType != "F32" {
			differs = append(differs, fmt.Sprintf("%s %v, want %v", t.name, b.Shape, want))
		}
		delete(left, t.name)
	}
	var why []string
	for _, x := range []struct {
		what  string
		names []string
	}{{"it lacks", lacks}, {"it holds beside the network's", slices.Collect(maps.Keys(left))}, {"it holds", differs}} {
		if len(x.names) > 0 {
			why = append(why, x.what+" "+some(x.names))
		}
	}
	if len(why) > 0 {
		return fmt.Errorf("net: the checkpoint is of another network: %s: use the architecture, stem, width, channels and norm that it was made with",
			strings.Join(why, "; "))
	}
	for _, t := range to {
		v, err := Float32s(c.tensors[t.name])
		if err == nil {
			err = t.write(FromTorch(t.shape, v))
		}
		if err != nil {
			return fmt.Errorf("net: checkpoint: restore %s: %w", t.name, err)
		}
	}
	return nil
}

// some lists names in order, the first few of many.
func some(names []string) string {
	const most = 4
	slices.Sort(names)
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
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
