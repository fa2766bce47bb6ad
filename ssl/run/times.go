package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/marr-ssl/marr/net"
)

// Time is a line of times.jsonl: when a step was done. It is apart from metrics.jsonl, whose bytes do not depend on the speed of the machine. Nothing reads
// it during training.
type Time struct {
	Step            int     `json:"step"`
	Seconds         float64 `json:"seconds"`                     // since the process began to train
	ImagesPerSecond float64 `json:"images_per_second,omitempty"` // over the last ten steps
	Started         string  `json:"started,omitempty"`           // of the first line of a process alone: RFC 3339
	Device          string  `json:"device,omitempty"`            // of the first line of a process alone
}

// times writes times.jsonl and measures images per second.
type times struct {
	file  *os.File
	lines *bufio.Writer
	json  *json.Encoder
	batch int
	begun time.Time
	last  []time.Time // of the last steps
}

// openTimes opens the file to append the lines of this process. Those of steps that a stopped run did again stay.
func (r *Run) openTimes() (*times, error) {
	path := filepath.Join(r.Dir, TimesFile)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("run: %s: %w: remove it", path, net.ErrNotRegular)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	t := &times{file: f, lines: bufio.NewWriter(f), batch: r.Config.Batch, begun: now, last: []time.Time{now}}
	t.json = json.NewEncoder(t.lines)
	first := Time{Step: r.trainer.Step(), Started: now.UTC().Format(time.RFC3339), Device: r.trainer.Store.Device().Info().Name}
	return t, errors.Join(t.json.Encode(first), t.lines.Flush())
}

// step writes the line of a step and returns images per second over the last steps. An error of the file does not end the run: close returns it.
func (t *times) step(step int) float64 {
	now := time.Now()
	t.last = append(t.last, now)
	t.last = t.last[max(0, len(t.last)-11):]
	seconds := now.Sub(t.last[0]).Seconds()
	speed := float64(t.batch*(len(t.last)-1)) / max(seconds, 1e-9)
	t.json.Encode(Time{Step: step, Seconds: now.Sub(t.begun).Seconds(), ImagesPerSecond: speed})
	t.lines.Flush() // others read along
	return speed
}

func (t *times) close() error { return errors.Join(t.lines.Flush(), t.file.Close()) }
