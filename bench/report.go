package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"marr/kernels"
	"marr/vk"
)

// Schema is the version of the JSON that a Report is written as; ReadReport refuses others.
const Schema = 1

// Report is everything that one call of the bench measured, and what it was measured on.
type Report struct {
	Schema   int       `json:"schema"`
	Label    string    `json:"label,omitempty"` // the user's word for it
	Date     time.Time `json:"date"`
	Command  string    `json:"command"`
	Commit   string    `json:"commit"` // of the source; "+" behind it: with changes; "unknown" where the build did not say
	Go       string    `json:"go"`
	CPUs     int       `json:"cpus"` // that the process may use
	Device   vk.Info   `json:"device"`
	Family   string    `json:"kernels"` // how kernels read their inputs
	Tune     string    `json:"tune"`    // the autotuner's mode
	Peak     Peak      `json:"peak"`
	Rows     []Row     `json:"rows,omitempty"`
	Steps    []Step    `json:"steps,omitempty"`
	Training *Training `json:"training,omitempty"`
	Feeding  *Feeding  `json:"feeding,omitempty"`
	Methods  *Methods  `json:"methods,omitempty"`
	Cut      bool      `json:"cut,omitempty"` // it was stopped before its end
}

// NewReport describes the device, the build and the moment.
func NewReport(dev *vk.Device, command, tune string) *Report {
	return &Report{Schema: Schema, Date: time.Now().UTC().Truncate(time.Second), Command: command, Commit: commit(), Go: runtime.Version(), CPUs: runtime.NumCPU(),
		Device: dev.Info(), Family: kernels.Reading(dev), Tune: tune}
}

// commit is what the build recorded of its source.
func commit() string {
	id, dirty := "unknown", ""
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			switch {
			case s.Key == "vcs.revision":
				id = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "+"
			}
		}
	}
	return id + dirty
}

// Raise takes in a second measurement of the peak: where that was higher, all shares become smaller.
func (r *Report) Raise(p Peak) {
	for _, x := range []struct{ had, got *Rate }{{&r.Peak.FMA, &p.FMA}, {&r.Peak.Copy, &p.Copy}} {
		if x.got.Best > x.had.Best {
			*x.had = *x.got
		}
	}
	for i := range r.Rows {
		r.Rows[i].share(r.Peak)
	}
}

// Write writes the report to a file.
func (r *Report) Write(path string) error {
	if err := writeJSON(path, r); err != nil {
		return fmt.Errorf("bench: report %s: %w", path, err)
	}
	return nil
}

// ReadReport reads what Write wrote.
func ReadReport(path string) (*Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("bench: report: %w: make one with marr bench … --json FILE", err)
	}
	r := &Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("bench: report %s: %w: it is not what marr bench --json writes", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("bench: report %s has schema %d, this program reads %d: measure again", path, r.Schema, Schema)
	}
	return r, nil
}
