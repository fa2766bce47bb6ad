package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// Schema is the version of the JSON format of Results. ReadResults refuses other versions.
const Schema = 2

// Results holds everything that one benchmark call measured, and the machine and the build that it ran on.
type Results struct {
	Schema      int          `json:"schema"`
	Label       string       `json:"label,omitempty"` // a name that the user chose
	Date        time.Time    `json:"date"`
	Command     string       `json:"command"`
	Commit      string       `json:"commit"` // of the source; a trailing "+" marks uncommitted changes; "unknown" if the build did not record it
	Go          string       `json:"go"`
	CPUs        int          `json:"cpus"` // available to the process
	Device      vk.Info      `json:"device"`
	InputAccess string       `json:"kernels"` // how kernels read their inputs: plain or texel
	Tune        string       `json:"tune"`    // the autotuner's mode
	Peak        Peak         `json:"peak"`
	Rows        []Row        `json:"rows,omitempty"`
	Steps       []Step       `json:"steps,omitempty"`
	Ranks       []RankStep   `json:"ranks,omitempty"`
	Training    *Training    `json:"training,omitempty"`
	Data        *DataResults `json:"feeding,omitempty"`
	Stopped     bool         `json:"cut,omitempty"` // the user stopped the call before its end
}

// NewResults returns Results without measurements that describe the device, the build and the current time.
func NewResults(dev *vk.Device, command, tune string) *Results {
	return &Results{Schema: Schema, Date: time.Now().UTC().Truncate(time.Second), Command: command, Commit: commit(), Go: runtime.Version(),
		CPUs: runtime.NumCPU(), Device: dev.Info(), InputAccess: kernels.InputAccess(dev), Tune: tune}
}

// commit returns the source revision that the Go toolchain recorded in the binary.
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

// RaisePeak merges a second measurement of the peak. A higher rate replaces the first one and lowers every share.
func (r *Results) RaisePeak(p Peak) {
	for _, x := range []struct{ old, new *Rate }{{&r.Peak.FMA, &p.FMA}, {&r.Peak.Copy, &p.Copy}} {
		if x.new.Best > x.old.Best {
			*x.old = *x.new
		}
	}
	for i := range r.Rows {
		r.Rows[i].setShare(r.Peak)
	}
}

// Write writes the results to a file as JSON.
func (r *Results) Write(path string) error { return WriteJSON(path, r) }

// ReadResults reads a file that Write wrote.
func ReadResults(path string) (*Results, error) {
	r := &Results{}
	if err := ReadJSON(path, r); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: create the file with marr bench … --json FILE", err)
	} else if err != nil {
		return nil, fmt.Errorf("%w: marr bench --json did not write this file", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("bench: %s has schema %d, this program reads schema %d: measure again", path, r.Schema, Schema)
	}
	return r, nil
}

// ReadJSON decodes a JSON file into a value.
func ReadJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("bench: %s: %w", path, err)
	}
	return nil
}

// WriteJSON writes a value as indented JSON. It creates missing folders and replaces the file atomically.
func WriteJSON(path string, value any) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(value)
	})
}
