package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
)

// maxLines is the largest size of a file of lines that a report reads, in bytes.
const maxLines = 1 << 30

// Run is a run in a report.
type Run struct {
	Name   string // of the folder, as the user gave it
	Label  string // short name, set by Write
	Saved  run.Saved
	Step   int // last step
	Epoch  int // of the last step
	Steps  int // of the whole run; 0: unknown
	Alarms []Alarm
	Notes  []string // what a reader should know, such as that the run is not finished
	Panels []Panel
	Maps   []Map
	Images int // of the data set; 0: it was not opened
	Scores []Score
	// Confusion holds the predictions of a fine-tuned classifier on test images; nil: there are none.
	Confusion *eval.Confusion

	seconds  float64 // of training; 0: unknown
	sessions int
	started  string // RFC 3339; "": unknown
	device   string
	series   map[string]*series
}

// Alarm is an alarm of the collapse watch.
type Alarm struct {
	Step    int
	Message string
}

// series are the values of a metric by step.
type series struct{ steps, values []float64 }

func (s *series) last() float64 { return s.values[len(s.values)-1] }

// ReadRun reads the folder of a run. The error wraps os.ErrNotExist if the folder holds none. Lines of metrics that cannot be read are left out, with a note.
func ReadRun(dir string) (*Run, error) {
	r := &Run{Name: dir, series: map[string]*series{}}
	var err error
	if r.Saved, err = run.ReadSaved(filepath.Join(dir, run.ConfigFile)); err != nil {
		return nil, err
	}
	perEpoch := 0
	err = r.eachLine(filepath.Join(dir, run.MetricsFile), func(line []byte) error {
		var values map[string]any
		if err := json.Unmarshal(line, &values); err != nil {
			return err
		}
		step, ok := values["step"].(float64)
		if !ok {
			return errors.New("it has no step")
		}
		if epoch, _ := values["epoch"].(float64); epoch == 2 && perEpoch == 0 {
			perEpoch = int(step) - 1
		}
		r.add(int(step), values)
		return nil
	})
	if err == nil {
		err = r.readTimes(filepath.Join(dir, run.TimesFile))
	}
	if err == nil {
		err = r.readScores(filepath.Join(dir, summaryFile))
	}
	if err == nil {
		err = r.readConfusion(filepath.Join(dir, resultsFile))
	}
	if err != nil {
		return nil, err
	}
	if perEpoch == 0 && r.Epoch == 1 && r.Saved.Epochs == 1 {
		perEpoch = r.Step // nothing tells whether the only epoch has ended
	}
	r.Steps = perEpoch * r.Saved.Epochs
	r.noteState()
	return r, nil
}

// add adds the values of a line of metrics.
func (r *Run) add(step int, values map[string]any) {
	r.Step = step
	if epoch, ok := values["epoch"].(float64); ok {
		r.Epoch = int(epoch)
	}
	if text, ok := values["alarm"].(string); ok {
		r.Alarms = append(r.Alarms, Alarm{step, text})
	}
	for name, v := range values {
		if x, ok := v.(float64); ok && name != "step" && name != "epoch" {
			r.append(name, step, x)
		}
	}
	if entropy, ok := values["teacher_entropy"].(float64); ok {
		if kl, ok := values["teacher_kl"].(float64); ok {
			r.append("teacher_marginal", step, entropy+kl) // watch.Metrics.KL
		}
	}
}

func (r *Run) append(name string, step int, value float64) {
	s := r.series[name]
	if s == nil {
		s = &series{}
		r.series[name] = s
	}
	for n := len(s.steps); n > 0 && s.steps[n-1] >= float64(step); n-- { // a resumed run did these steps again
		s.steps, s.values = s.steps[:n-1], s.values[:n-1]
	}
	s.steps, s.values = append(s.steps, float64(step)), append(s.values, value)
}

// readTimes reads times.jsonl, which runs of earlier versions lack.
func (r *Run) readTimes(path string) error {
	before := 0.0 // seconds of earlier processes
	return r.eachLine(path, func(line []byte) error {
		var t run.Time
		if err := json.Unmarshal(line, &t); err != nil {
			return err
		}
		if t.Started != "" {
			before = r.seconds
			r.device = t.Device
			if r.sessions++; r.started == "" {
				r.started = t.Started
			}
			return nil
		}
		r.seconds = before + t.Seconds
		r.append("images_per_second", t.Step, t.ImagesPerSecond)
		return nil
	})
}

// eachLine calls yield for each line of a file, if there is one. From the first line that cannot be read on, it leaves the lines out and adds a note.
func (r *Run) eachLine(path string, yield func(line []byte) error) error {
	raw, err := net.ReadFile(path, maxLines)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	in := bufio.NewScanner(bytes.NewReader(raw))
	in.Buffer(nil, len(raw)+1)
	for n := 1; in.Scan(); n++ {
		if err := yield(in.Bytes()); err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("%s: line %d cannot be read (%v): the lines from there on are left out", filepath.Base(path), n, err))
			return nil
		}
	}
	return nil
}

// noteState notes that a run has no step or is not finished.
func (r *Run) noteState() {
	switch {
	case r.Step == 0:
		r.Notes = append(r.Notes, "The run has no completed step yet: there are settings but no curves.")
	case !r.Finished():
		command := "pretrain"
		if r.Saved.Method == ssl.FinetuneName {
			command = ssl.FinetuneName
		}
		r.Notes = append(r.Notes, fmt.Sprintf("The run is not finished: it has done %s. To continue it: marr %s --resume --out %s", r.progress(), command, r.Name))
	}
}

// Finished reports whether the last step of the run is done.
func (r *Run) Finished() bool {
	return r.Epoch >= r.Saved.Epochs && (r.Steps == 0 || r.Step >= r.Steps)
}

func (r *Run) progress() string {
	text := fmt.Sprintf("step %d", r.Step)
	if r.Steps > 0 {
		text += fmt.Sprintf(" of %d", r.Steps)
	}
	return text + fmt.Sprintf(", epoch %d of %d", r.Epoch, r.Saved.Epochs)
}
