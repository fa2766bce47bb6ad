package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/report"
)

// metrics are the files that the values of each step and measurement go to: metrics.jsonl, the same values as metrics.csv, and an event file if the run
// has one.
type metrics struct {
	file   *os.File // metrics.jsonl
	lines  *bufio.Writer
	table  *report.Table
	events *report.Events // nil: none
}

// openMetrics opens the files to append lines after step `done`. It first removes later lines, which a killed run may have written, and the measurement of
// that step if it is to be made again.
func (r *Run) openMetrics(done int) error {
	path := filepath.Join(r.Dir, MetricsFile)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a device may never end
		return fmt.Errorf("run: %s: %w: remove it", path, net.ErrNotRegular)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	m := &metrics{file: f, lines: bufio.NewWriter(f)}
	if err := r.truncate(f, done); err != nil {
		return errors.Join(err, f.Close())
	}
	if m.table, err = report.CreateTable(filepath.Join(r.Dir, TableFile), f, "step", "epoch", "loss", "lr"); err != nil { // it leaves f at its end
		return errors.Join(err, f.Close())
	}
	if r.TensorBoard {
		if m.events, err = report.CreateEvents(r.Dir, done+1); err != nil {
			return errors.Join(err, m.table.Close(), f.Close())
		}
	}
	r.metrics = m
	return nil
}

// truncate removes the lines of metrics.jsonl that openMetrics names.
func (r *Run) truncate(f *os.File, done int) error {
	in, size := bufio.NewReader(f), int64(0)
	for {
		line, err := in.ReadBytes('\n')
		var m struct {
			Step int
			Loss *float64
		}
		if err != nil || json.Unmarshal(line, &m) != nil || m.Step > done || r.unmeasured && m.Step == done && m.Loss == nil {
			break
		}
		size += int64(len(line))
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// write writes the values of a step, or of a measurement after it: numbers and strings. In the event file, the names of a measurement begin with eval/.
func (m *metrics) write(values map[string]any) error {
	line, err := json.Marshal(values)
	if err != nil {
		return err
	}
	if _, err := m.lines.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := m.table.Add(line); err != nil || m.events == nil {
		return err
	}
	prefix := "eval/"
	if _, isStep := values["loss"]; isStep {
		prefix = "train/"
	}
	scalars := map[string]float64{}
	for name, v := range values {
		if x, ok := v.(float64); ok {
			scalars[prefix+name] = x
		}
	}
	return m.events.Scalars(values["step"].(int), scalars)
}

// flush writes what is buffered.
func (m *metrics) flush() error { return errors.Join(m.lines.Flush(), m.table.Flush()) }

// sync makes the files durable.
func (m *metrics) sync() error { return errors.Join(m.flush(), m.file.Sync()) }

func (m *metrics) close() error {
	err := errors.Join(m.flush(), m.table.Close(), m.file.Close())
	if m.events != nil {
		err = errors.Join(err, m.events.Close())
	}
	return err
}
