package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// openMetrics opens metrics.jsonl to append lines after step `done`. It first removes later lines, which a killed run may have written, and the
// measurement of that step if it is to be made again.
func (r *Run) openMetrics(done int) error {
	f, err := os.OpenFile(filepath.Join(r.Dir, MetricsFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
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
		return errors.Join(err, f.Close())
	}
	if _, err := f.Seek(size, io.SeekStart); err != nil {
		return errors.Join(err, f.Close())
	}
	r.metrics, r.lines = f, bufio.NewWriter(f)
	return nil
}

// writeMetrics writes a line of metrics.jsonl.
func (r *Run) writeMetrics(values map[string]any) error {
	line, err := json.Marshal(values)
	if err == nil {
		_, err = r.lines.Write(append(line, '\n'))
	}
	return err
}

// pace measures images per second over the last steps.
type pace struct {
	batch int
	times []time.Time
}

func newPace(batch int) *pace { return &pace{batch, []time.Time{time.Now()}} }

func (p *pace) step() float64 {
	p.times = append(p.times, time.Now())
	if len(p.times) > 11 {
		p.times = p.times[1:]
	}
	seconds := p.times[len(p.times)-1].Sub(p.times[0]).Seconds()
	return float64(p.batch*(len(p.times)-1)) / max(seconds, 1e-9)
}
