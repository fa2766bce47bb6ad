package run

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/ranks"
)

// A run on 2 devices has the files of one that is stopped there and resumes on 4.
func TestRunWithHalvesOnTheWireResumesToTheSameBytes(t *testing.T) {
	whole, resumed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "resumed")
	halves := func(c *Config) { c.Wire = ranks.FP16 }
	if err := changedRun(t, whole, "byol", halves, 2, false, 0); err != nil {
		t.Fatal(err)
	}
	if err := changedRun(t, resumed, "byol", halves, 2, false, 2); !errors.Is(err, ErrStopped) {
		t.Fatalf("%v, want ErrStopped", err)
	}
	if err := changedRun(t, resumed, "byol", halves, 4, true, 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, MetricsFile, ConfigFile} {
		if !bytes.Equal(content(t, whole, name), content(t, resumed, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

// values returns the numbers in the checkpoint of a run.
func values(t *testing.T, dir string) []byte {
	t.Helper()
	c, err := net.LoadCheckpoint(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.WriteValues(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOneDeviceSaysThatTheWireChangesNothing(t *testing.T) {
	floats, halves := t.TempDir(), t.TempDir()
	without, err := noted(t, floats, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	with, err := noted(t, halves, false, func(r *Run) { r.Config.Wire = ranks.FP16 })
	if err != nil {
		t.Fatal(err)
	}
	const want = "--wire fp16 changes nothing on one device, which sends no gradients"
	if slices.Contains(without, want) || !slices.Contains(with, want) {
		t.Errorf("notices %q on fp32 and %q on fp16", without, with)
	}
	if !slices.Equal(values(t, floats), values(t, halves)) {
		t.Error("it changes the result")
	}
	if !strings.Contains(string(content(t, halves, ConfigFile)), "\nwire = \"fp16\" # ") {
		t.Errorf("%s lacks the wire", ConfigFile)
	}
}

// The wire is newer than the first runs, whose files have no such setting.
func TestRunFromBeforeTheWireResumes(t *testing.T) {
	dir := t.TempDir()
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	resume := func(first bool) error {
		r := &Run{Dir: dir, Resume: !first, Config: runConfig(), Method: m, Set: datatest.Noise(24, 16, 1)}
		x, err := r.Pretrain(t.Context(), device)
		if err != nil {
			return err
		}
		defer x.Free()
		path := filepath.Join(dir, CheckpointFile)
		c, err := net.LoadCheckpoint(path)
		if err != nil {
			return err
		}
		const setting, line = `"wire":"fp32",`, "\nwire = \"fp32\" # default"
		config := string(content(t, dir, ConfigFile))
		if first && !bytes.Contains(c.Meta.Config, []byte(setting)) || !strings.Contains(config, line) {
			t.Errorf("the files of the run lack the wire: %s\n%s", c.Meta.Config, config)
		}
		c.Meta.Config = bytes.Replace(c.Meta.Config, []byte(setting), nil, 1)
		return errors.Join(net.SaveCheckpoint(path, x.Store, c.Meta), os.WriteFile(filepath.Join(dir, ConfigFile), []byte(strings.Replace(config, line, "", 1)), 0o666))
	}
	if err := errors.Join(resume(true), resume(false)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{CheckpointFile, previousFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := resume(false); err != nil {
		t.Errorf("without a checkpoint: %v", err)
	}
}
