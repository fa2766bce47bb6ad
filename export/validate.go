package export

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// validate checks the requirements of every reader: each value has a unique name and is defined before its use, nodes produce the
// outputs, and the lengths of tensors match their dims. It returns the first error, which names the node or tensor.
func (m *Model) validate() error {
	switch {
	case len(m.Nodes) == 0:
		return fmt.Errorf("export: the model has no nodes: record at least one op")
	case len(m.Inputs) == 0 || len(m.Outputs) == 0:
		return fmt.Errorf("export: the model has %d inputs and %d outputs: it needs at least one of each", len(m.Inputs), len(m.Outputs))
	}
	known := map[string]string{} // value name → its definition
	define := func(name, by string) error {
		if first, ok := known[name]; ok {
			return fmt.Errorf("export: %s: value %q is already defined by %s: names must be unique", by, name, first)
		}
		known[name] = by
		return checkName(name, by)
	}
	for i, v := range m.Inputs {
		by := fmt.Sprintf("input %d", i)
		if err := define(v.Name, by); err != nil {
			return err
		}
		if err := v.check(by); err != nil {
			return err
		}
	}
	for i := range m.Initializers {
		t := &m.Initializers[i]
		if err := define(t.Name, "initializer "+t.Name); err != nil {
			return err
		}
		if err := t.check("initializer " + t.Name); err != nil {
			return err
		}
	}
	produced := map[string]bool{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if err := n.check(i, known); err != nil {
			return err
		}
		for j, name := range n.Outputs {
			if name == "" && j > 0 {
				continue // an omitted optional output
			}
			if err := define(name, n.label(i)); err != nil {
				return err
			}
			produced[name] = true
		}
	}
	return m.checkOutputs(produced)
}

func (m *Model) checkOutputs(produced map[string]bool) error {
	seen := map[string]bool{}
	for i, v := range m.Outputs {
		by := fmt.Sprintf("output %d", i)
		if !produced[v.Name] {
			return fmt.Errorf("export: %s: no node produces %q: name a node's output", by, v.Name)
		}
		if seen[v.Name] {
			return fmt.Errorf("export: %s: %q is listed twice", by, v.Name)
		}
		seen[v.Name] = true
		if err := v.check(by); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) label(i int) string { return fmt.Sprintf("node %d %s %q", i, n.Op, n.Name) }

func (n *Node) check(i int, known map[string]string) error {
	at := n.label(i)
	if n.Op == "" {
		return fmt.Errorf("export: %s: the operator has no name", at)
	}
	if len(n.Outputs) == 0 {
		return fmt.Errorf("export: %s: no outputs", at)
	}
	for j, name := range n.Inputs {
		if _, ok := known[name]; !ok && name != "" {
			return fmt.Errorf("export: %s: input %d %q is not defined yet: it must be a graph input, an initializer or an earlier node's output",
				at, j, name)
		}
	}
	for j, a := range n.Attrs {
		if err := checkName(a.Name, at); err != nil {
			return err
		}
		if slices.ContainsFunc(n.Attrs[:j], func(b Attr) bool { return b.Name == a.Name }) {
			return fmt.Errorf("export: %s: attribute %q is given twice", at, a.Name)
		}
		if t, ok := a.Value.(Tensor); ok {
			if err := t.check(at + ": attribute " + a.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkName(name, by string) error {
	if name == "" {
		return fmt.Errorf("export: %s: a name is empty", by)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("export: %s: name %q is not UTF-8: readers reject such files", by, name)
	}
	return nil
}

func (v Value) check(by string) error {
	if v.Type <= 0 {
		return fmt.Errorf("export: %s %q: element type %d: use export.Float32 or export.Int64", by, v.Name, v.Type)
	}
	for i, d := range v.Dims {
		if d.Symbol == "" && d.Size < 1 {
			return fmt.Errorf("export: %s %q: dimension %d is %d: want at least 1, or a symbol", by, v.Name, i, d.Size)
		}
	}
	return nil
}

func (t *Tensor) check(by string) error {
	if (t.Float32 == nil) == (t.Int64 == nil) {
		return fmt.Errorf("export: %s: exactly one of Float32 and Int64 must be set", by)
	}
	want := 1
	for _, d := range t.Dims {
		if d < 1 || want > math.MaxInt32/d {
			return fmt.Errorf("export: %s: dims %v: every one must be at least 1 and the product below 2³¹", by, t.Dims)
		}
		want *= d
	}
	if got := len(t.Float32) + len(t.Int64); got != want {
		return fmt.Errorf("export: %s: %d values for dims %v: want %d", by, got, t.Dims, want)
	}
	return nil
}

// checkWritable checks what Marshal requires beyond validate: unique node names, the opset, and finite weights.
func (m *Model) checkWritable() error {
	if _, ok := irVersions[m.Opset]; !ok && m.Opset != 0 {
		return fmt.Errorf("export: the model has opset %d: Marshal writes only the opsets %v", m.Opset, Opsets())
	}
	names := map[string]int{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if err := checkName(n.Name, n.label(i)); err != nil {
			return err
		}
		if first, ok := names[n.Name]; ok {
			return fmt.Errorf("export: %s: node %d has the same name: node names must be unique", n.label(i), first)
		}
		names[n.Name] = i
	}
	for _, t := range m.Initializers {
		for i, v := range t.Float32 {
			if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("export: initializer %s: value %d is %v: the training diverged: export an earlier checkpoint", t.Name, i, v)
			}
		}
	}
	for k, v := range m.Metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("export: metadata %q: the key or the value is not UTF-8: readers reject such files", k)
		}
	}
	return nil
}
