package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// Table writes lines of JSON objects as CSV, with a column for each key. New keys get columns after those that exist. A key that a line lacks is an empty
// cell. The bytes of the file depend on the lines alone.
type Table struct {
	f       *os.File
	out     *csv.Writer
	columns []string
	first   []string // keys whose columns come first
}

// CreateTable writes a new file with the lines of a reader, which is read to its end. Columns of the keys `first` come first, others in the alphabetical
// order of the keys of the first line that has them.
func CreateTable(path string, lines io.Reader, first ...string) (*Table, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	t := &Table{f: f, out: csv.NewWriter(f), first: first}
	in := bufio.NewReader(lines)
	for err == nil {
		var line []byte
		if line, err = in.ReadBytes('\n'); len(line) > 0 && err == nil {
			err = t.Add(line)
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("report: %s: %w", path, err), f.Close())
	}
	return t, nil
}

// Add adds a line, a JSON object of numbers and strings.
func (t *Table) Add(line []byte) error {
	values := map[string]any{}
	in := json.NewDecoder(bytes.NewReader(line))
	in.UseNumber() // numbers keep their digits
	if err := in.Decode(&values); err != nil {
		return err
	}
	var added []string
	for _, key := range slices.Concat(t.first, slices.Sorted(maps.Keys(values))) {
		if _, ok := values[key]; ok && !slices.Contains(t.columns, key) && !slices.Contains(added, key) {
			added = append(added, key)
		}
	}
	if len(added) > 0 {
		if err := t.widen(added); err != nil {
			return err
		}
	}
	row := make([]string, len(t.columns))
	for i, key := range t.columns {
		if v, ok := values[key]; ok {
			row[i] = fmt.Sprint(v)
		}
	}
	return t.out.Write(row)
}

// widen rewrites the file with more columns.
func (t *Table) widen(added []string) error {
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	rows, err := csv.NewReader(bufio.NewReader(t.f)).ReadAll()
	if err != nil {
		return err
	}
	t.columns = append(t.columns, added...)
	if len(rows) == 0 {
		rows = [][]string{nil}
	}
	rows[0] = t.columns
	for i := range rows[1:] {
		rows[i+1] = append(rows[i+1], make([]string, len(added))...)
	}
	if err := t.f.Truncate(0); err != nil {
		return err
	}
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return t.out.WriteAll(rows)
}

// Flush writes what is buffered.
func (t *Table) Flush() error {
	t.out.Flush()
	return t.out.Error()
}

// Close flushes and closes the file.
func (t *Table) Close() error { return errors.Join(t.Flush(), t.f.Close()) }
