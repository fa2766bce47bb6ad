// Package tomlfile reads TOML and keeps the line of every key, so that error messages can name it. It also writes TOML values.
package tomlfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// File is a parsed TOML document. A path names one key: the names of its tables, then its own. An element of an array has its index
// as its name, so that the first [[view]] is "view", "0".
type File struct {
	Keys map[string]any // string, int64, float64, bool, a time, []any, or map[string]any for a table

	at map[string]place // by joined path
}

// place is where a key stands.
type place struct {
	order int // rank among the keys of the document
	line  int // from 1
	text  int // line of the first character of a string value
}

// Parse parses a document. Errors begin with "line N: ".
func Parse(text string) (*File, error) {
	f := &File{Keys: map[string]any{}, at: map[string]place{}}
	if err := toml.Unmarshal([]byte(text), &f.Keys); err != nil {
		return nil, located(err)
	}
	f.locate([]byte(text))
	return f, nil
}

// Decode parses a document into the struct that v points to, whose fields have toml tags. Keys without a field are errors.
// Errors begin with "line N: ".
func Decode(text string, v any) error {
	return located(toml.NewDecoder(strings.NewReader(text)).DisallowUnknownFields().Decode(v))
}

// located puts the line before an error of the library.
func located(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		first := unknown.Errors[0]
		line, _ := first.Position()
		return fmt.Errorf("line %d: unknown setting %s: remove it", line, strings.Join(first.Key(), "."))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		return fmt.Errorf("line %d: %s", line, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return err
}

// Line returns the line of a key, from 1: of its nearest table if the key is not in the document, and 0 if there is no such table.
func (f *File) Line(path ...string) int {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if p, ok := f.at[join(path)]; ok {
			return p.line
		}
	}
	return 0
}

// TextLine returns the line on which the text of a string begins: the line
// after the opening quotes if a line break follows them, which TOML drops.
func (f *File) TextLine(path ...string) int { return f.at[join(path)].text }

// Names returns the keys of a table in the order of the document; without a path, those of the document.
func (f *File) Names(path ...string) []string {
	table := f.Keys
	for _, name := range path {
		table, _ = table[name].(map[string]any)
	}
	order := func(name string) int { return f.at[join(append(slices.Clone(path), name))].order }
	return slices.SortedFunc(maps.Keys(table), func(a, b string) int { return cmp.Compare(order(a), order(b)) })
}

func join(path []string) string { return strings.Join(path, "\x00") }

// locate records the place of every key of a document that has been parsed once without an error.
func (f *File) locate(text []byte) {
	l := locator{f: f, length: map[string]int{}}
	l.parser.Reset(text)
	var table []string
	for l.parser.NextExpression() {
		switch e := l.parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = l.table(e)
		case unstable.KeyValue:
			l.keyValue(table, e)
		}
	}
}

type locator struct {
	f      *File
	parser unstable.Parser
	length map[string]int // of arrays of tables so far
}

// table records a header and returns its path.
func (l *locator) table(e *unstable.Node) (path []string) {
	for it := e.Key(); it.Next(); {
		path = append(path, string(it.Node().Data))
		l.put(path, it.Node().Raw)
		if e.Kind == unstable.ArrayTable && it.IsLast() {
			l.length[join(path)]++
		}
		if n := l.length[join(path)]; n > 0 {
			path = append(path, strconv.Itoa(n-1))
			l.put(path, it.Node().Raw)
		}
	}
	return path
}

func (l *locator) keyValue(table []string, e *unstable.Node) {
	path := slices.Clone(table)
	for it := e.Key(); it.Next(); {
		path = append(path, string(it.Node().Data))
		l.put(path, it.Node().Raw)
	}
	l.value(path, e.Value())
}

// value records the keys within an inline table or an array, and where the text of a string begins.
func (l *locator) value(path []string, v *unstable.Node) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			l.keyValue(path, it.Node())
		}
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); i++ {
			l.value(append(slices.Clone(path), strconv.Itoa(i)), it.Node())
		}
	case unstable.String:
		p := l.f.at[join(path)]
		p.text = l.line(v.Raw)
		if raw := l.parser.Raw(v.Raw); len(raw) > 3 && (raw[3] == '\n' || bytes.HasPrefix(raw[3:], []byte("\r\n"))) {
			p.text++ // TOML drops a line break that follows the opening quotes; no string of one line has one there
		}
		l.f.at[join(path)] = p
	}
}

// put records a key unless it has been: a table may have several headers below it.
func (l *locator) put(path []string, raw unstable.Range) {
	if _, ok := l.f.at[join(path)]; !ok {
		l.f.at[join(path)] = place{order: len(l.f.at), line: l.line(raw)}
	}
}

func (l *locator) line(raw unstable.Range) int { return l.parser.Shape(raw).Start.Line }
