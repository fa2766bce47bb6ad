package optest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/ref/golden"
)

// Op is an op of package kernels with everything that its checks need.
type Op struct {
	// Name is the key ("op") of the op's cases in the golden files.
	Name string
	// NoGolden marks an op without cases in the golden files.
	NoGolden bool
	// OnHalves marks what Halves returns: its errors are those of 16-bit floats.
	OnHalves bool
	// Build records the op. Nil: the cases have their own, or the op is an update whose device test is elsewhere, and only its reference is compared
	// with PyTorch.
	Build func(in In) *kernels.Tensor
	// Ref is the op's forward pass in float64: the golden output "loss" if there is one, else "y".
	Ref func(in Values) *ref.Tensor
	// More returns the golden outputs besides Ref's, by name. On the device, "new_" + the name of a State is that State after the run.
	More func(in Values) map[string]*ref.Tensor
	// Kinds are the kinds of the inputs that are not Activations.
	Kinds map[string]Kind
	// Cases are the shapes and attributes for Bench.Check.
	Cases []Case
}

// All returns the op's cases, complete with its functions and kinds.
func (o Op) All() []Case {
	cases := slices.Clone(o.Cases)
	for i, c := range cases {
		cases[i] = o.complete(c)
	}
	return cases
}

func (o Op) complete(c Case) Case {
	if c.Build == nil {
		c.Build = o.Build
	}
	if c.Ref == nil {
		c.Ref = o.Ref
	}
	c.Inputs = slices.Clone(c.Inputs)
	for i, x := range c.Inputs {
		if kind, ok := o.Kinds[x.Name]; ok {
			c.Inputs[i].Kind = kind
		}
	}
	return c
}

// goldenCase is a case of a golden file with its op.
type goldenCase struct {
	Case
	op   Op
	want *golden.Case
}

// loadGolden returns the cases of golden files, each with its op. A case without an op in the table, and an op without a case, is an error.
func loadGolden(ops []Op, paths []string) ([]goldenCase, error) {
	byName, missing := map[string]Op{}, map[string]bool{}
	for _, o := range ops {
		if _, twice := byName[o.Name]; twice {
			return nil, fmt.Errorf("optest: two ops are called %q", o.Name)
		}
		byName[o.Name] = o
		if !o.NoGolden {
			missing[o.Name] = true
		}
	}
	var out []goldenCase
	for _, path := range paths {
		file, err := golden.Load(path)
		if err != nil {
			return nil, err
		}
		for _, c := range file.Cases {
			o, ok := byName[c.Op]
			if !ok {
				return nil, fmt.Errorf("optest: %s has cases of %q, which the table of ops does not have: add it", path, c.Op)
			}
			if o.NoGolden {
				return nil, fmt.Errorf("optest: %s has cases of %q, whose row sets NoGolden: remove NoGolden", path, c.Op)
			}
			delete(missing, c.Op)
			out = append(out, goldenCase{o.fromGolden(c), o, c})
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("optest: no golden cases of %v: add them with tools/golden/ops.py, or set NoGolden", slices.Sorted(maps.Keys(missing)))
	}
	return out, nil
}

// fromGolden returns a case with the inputs and attributes of a golden case.
func (o Op) fromGolden(g *golden.Case) Case {
	c := Case{Name: g.Name, Attrs: g.Attrs}
	for _, s := range g.Inputs {
		x := Input{Name: s.Name, Shape: s.Shape, Values: g.Values(s)}
		if g.Grad(s.Name) == nil {
			x.Kind = Stopped
		}
		c.Inputs = append(c.Inputs, x)
	}
	for _, x := range g.Ints {
		c.Inputs = append(c.Inputs, Ints(x.Name, x.Data...))
	}
	return o.complete(c)
}

// Ints returns an I32 input with these values.
func Ints(name string, v ...int32) Input {
	raw := []byte{}
	for _, e := range v {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(e))
	}
	return Input{Name: name, Kind: Bytes, Shape: []int{len(v)}, Type: kernels.I32, Raw: raw}
}

// values returns a reference's inputs.
func (c Case) values(drawn map[string][]float32) Values {
	v := Values{c.Attrs, map[string]*ref.Tensor{}, map[string][]int32{}}
	for _, x := range c.Inputs {
		if d := drawn[x.Name]; d != nil {
			v.tensors[x.Name] = ref.FromFloat32(d, x.Shape...)
		}
		if x.Type == kernels.I32 {
			ints := make([]int32, len(x.Raw)/4)
			for i := range ints {
				ints[i] = int32(binary.LittleEndian.Uint32(x.Raw[4*i:]))
			}
			v.ints[x.Name] = ints
		}
	}
	return v
}
