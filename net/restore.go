package net

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
)

// destination is a tensor of a store, to which the file's tensor of this name is written.
type destination struct {
	name  string
	shape []int // the store's: [K R S C] for a convolution
	write func([]float32) error
}

// Restore writes every tensor of the file into the store, which must be on the device, where moments and averages are. Both must hold the
// same names and shapes; otherwise the error lists what differs and nothing is written.
func (c *Checkpoint) Restore(st *kernels.Store) error {
	var to []destination
	for _, p := range st.Params() {
		for _, x := range parts(p) {
			to = append(to, destination{x.name, p.Shape, x.write})
		}
	}
	for _, x := range st.States() {
		if !strings.HasPrefix(x.Name, privatePrefix) {
			to = append(to, destination{x.Name, x.Shape, x.Write})
		}
	}
	return c.restore(to, func(string) bool { return true })
}

// RestoreBackbone writes the file's exported backbone into the store's backbone and changes nothing else, such as a new head. It writes parameters and
// running statistics, without moments; if Meta.Branch is Teacher, those of the momentum encoder. Both backbones must hold the same names and shapes;
// otherwise the error lists what differs and nothing is written.
func (c *Checkpoint) RestoreBackbone(st *kernels.Store) error {
	values, statistics := "", ""
	if c.Meta.Branch == Teacher {
		values, statistics = averagePrefix, momentumPrefix
	}
	return c.restore(backboneOf(st, values, statistics), func(name string) bool {
		return strings.HasPrefix(name, values+BackbonePrefix) || strings.HasPrefix(name, statistics+BackbonePrefix)
	})
}

// backboneOf lists the parameters and running statistics of a store's backbone, for tensors whose names have these prefixes.
func backboneOf(st *kernels.Store, values, statistics string) []destination {
	var to []destination
	for _, p := range st.Params() {
		if strings.HasPrefix(p.Name, BackbonePrefix) {
			to = append(to, destination{values + p.Name, p.Shape, p.Write})
		}
	}
	for _, x := range st.States() {
		if strings.HasPrefix(x.Name, BackbonePrefix) {
			to = append(to, destination{statistics + x.Name, x.Shape, x.Write})
		}
	}
	return to
}

// restore writes the tensors of the file that wanted selects to their destinations, if all of them fit.
func (c *Checkpoint) restore(to []destination, wanted func(name string) bool) error {
	unused := map[string]bool{}
	for name := range c.tensors {
		if wanted(name) {
			unused[name] = true
		}
	}
	for _, t := range to {
		delete(unused, t.name)
	}
	why := unfit(c.tensors, to)
	if len(unused) > 0 {
		why = append(why, "the network has no "+abbreviated(slices.Collect(maps.Keys(unused))))
	}
	if len(why) > 0 {
		return fmt.Errorf("net: the checkpoint is of another network: %s: use the architecture, settings, channels and norm that it was trained with",
			strings.Join(why, "; "))
	}
	return writeAll(c.tensors, to)
}

// unfit says which destinations have no tensor, or one of another shape. Sizes of 1 at the end do not matter: libraries keep linear layers as matrices or as
// 1×1 convolutions.
func unfit(tensors map[string]Blob, to []destination) (why []string) {
	var missing, differs []string
	for _, t := range to {
		b, ok := tensors[t.name]
		if want := torchShape(t.shape); !ok {
			missing = append(missing, t.name)
		} else if b.DType != "F32" {
			differs = append(differs, fmt.Sprintf("%s of type %s, want F32", t.name, b.DType))
		} else if !slices.Equal(withoutOnes(b.Shape), withoutOnes(want)) {
			differs = append(differs, fmt.Sprintf("%s %v, want %v", t.name, b.Shape, want))
		}
	}
	if len(missing) > 0 {
		why = append(why, "it lacks "+abbreviated(missing))
	}
	if len(differs) > 0 {
		why = append(why, "it holds "+abbreviated(differs))
	}
	return why
}

func withoutOnes(shape []int) []int {
	for len(shape) > 1 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}

// writeAll writes the tensors to their destinations.
func writeAll(tensors map[string]Blob, to []destination) error {
	for _, t := range to {
		v, err := Float32s(tensors[t.name])
		if err == nil {
			err = t.write(FromTorch(t.shape, v))
		}
		if err != nil {
			return fmt.Errorf("net: restore %s: %w", t.name, err)
		}
	}
	return nil
}

// abbreviated lists names in order, only the first few of many.
func abbreviated(names []string) string {
	const limit = 4
	slices.Sort(names)
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
}

func torchShape(shape []int) []int {
	if len(shape) != 4 {
		return shape
	}
	return []int{shape[0], shape[3], shape[1], shape[2]}
}

// ToTorch converts a convolution's weight [K R S C] to PyTorch's [K C R S]; tensors of other ranks are returned as they are.
func ToTorch(shape []int, v []float32) ([]int, []float32) {
	if len(shape) != 4 {
		return shape, v
	}
	k, rs, c := shape[0], shape[1]*shape[2], shape[3]
	return torchShape(shape), transpose(v, k, rs, c)
}

// FromTorch is the inverse of ToTorch; shape is [K R S C].
func FromTorch(shape []int, v []float32) []float32 {
	if len(shape) != 4 {
		return v
	}
	return transpose(v, shape[0], shape[3], shape[1]*shape[2])
}

// transpose returns v [k a b] as [k b a].
func transpose(v []float32, k, a, b int) []float32 {
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
