package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// ranksRun is a run of 24 steps in 4 parts on several devices, which here are one. It stops after a step, or at the end for 0.
func ranksRun(t *testing.T, dir, method string, devices int, resume bool, stop int) error {
	return changedRun(t, dir, method, func(*Config) {}, devices, resume, stop)
}

// syncedRun is ranksRun with Config.SyncBN.
func syncedRun(t *testing.T, dir, method string, syncBN bool, devices int, resume bool, stop int) error {
	return changedRun(t, dir, method, func(c *Config) { c.SyncBN = syncBN }, devices, resume, stop)
}

// changedRun is ranksRun with other settings.
func changedRun(t *testing.T, dir, method string, change func(*Config), devices int, resume bool, stop int) error {
	t.Helper()
	c := runConfig()
	c.Method, c.Batch, c.Accumulate = method, 8, 4
	change(&c)
	m, err := ssl.New(method)
	if err != nil {
		t.Fatal(err)
	}
	setNetwork(&c, m)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &Run{Dir: dir, Resume: resume, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), SaveEvery: 2}
	for range devices - 1 {
		r.Devices = append(r.Devices, device)
	}
	r.OnStep = func(p Progress) {
		if p.Step == stop {
			cancel()
		}
	}
	r.AfterEpoch = func(_ context.Context, x *train.Trainer) (map[string]any, error) {
		return map[string]any{"seen": x.Step()}, nil
	}
	x, err := r.Pretrain(ctx, device)
	if x != nil {
		x.Free()
	}
	return err
}

// The files of a run on 2 or 4 devices are those of a run on one, byte for byte, also if it is stopped on 2 devices and resumes on 4 and on one.
func TestRunOnSeveralDevicesHasTheFilesOfOne(t *testing.T) {
	methods := []string{"simclr"}
	if !testing.Short() {
		methods = append(methods, "byol", "dino", "vicreg")
	}
	for _, method := range methods {
		dir := t.TempDir()
		whole, several, mixed := filepath.Join(dir, "whole"), filepath.Join(dir, "several"), filepath.Join(dir, "mixed")
		if err := errors.Join(ranksRun(t, whole, method, 1, false, 0), ranksRun(t, several, method, 2, false, 0)); err != nil {
			t.Fatal(err)
		}
		if err := ranksRun(t, mixed, method, 2, false, 1); !errors.Is(err, ErrStopped) {
			t.Fatalf("%v, want ErrStopped", err)
		}
		if err := ranksRun(t, mixed, method, 4, true, 4); !errors.Is(err, ErrStopped) {
			t.Fatalf("%v, want ErrStopped", err)
		}
		if err := ranksRun(t, mixed, method, 1, true, 0); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{CheckpointFile, MetricsFile, ConfigFile} {
			for _, other := range []string{several, mixed} {
				if !bytes.Equal(content(t, other, name), content(t, whole, name)) {
					t.Errorf("%s: %s of the run %s differs from that on one device", method, name, filepath.Base(other))
				}
			}
		}
	}
}

// A run with synchronized batch norms resumes to the same bytes on as many devices, and on no other number.
func TestSyncedRunKeepsItsNumberOfDevices(t *testing.T) {
	dir := t.TempDir()
	whole, resumed := filepath.Join(dir, "whole"), filepath.Join(dir, "resumed")
	if err := syncedRun(t, whole, "byol", true, 2, false, 0); err != nil {
		t.Fatal(err)
	}
	if err := syncedRun(t, resumed, "byol", true, 2, false, 2); !errors.Is(err, ErrStopped) {
		t.Fatalf("%v, want ErrStopped", err)
	}
	for devices, want := range map[int]string{1: "devices is 1", 4: "devices is 4"} {
		if err := syncedRun(t, resumed, "byol", true, devices, true, 0); err == nil || !strings.Contains(err.Error(), "over 2 devices together") || !strings.Contains(err.Error(), want) {
			t.Errorf("on %d devices: %v, want an error with both numbers", devices, err)
		}
	}
	if err := syncedRun(t, resumed, "byol", false, 2, true, 0); err == nil || !strings.Contains(err.Error(), "sync_bn = true") {
		t.Errorf("without synchronization: %v, want an error with the setting", err)
	}
	if err := syncedRun(t, resumed, "byol", true, 2, true, 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, MetricsFile, ConfigFile} {
		if !bytes.Equal(content(t, resumed, name), content(t, whole, name)) {
			t.Errorf("%s of the resumed run differs", name)
		}
	}
}

// inTwoParts returns the configuration of a run in two parts, and its method.
func inTwoParts(t *testing.T) (Config, ssl.Method) {
	t.Helper()
	c := runConfig()
	c.Accumulate = 2
	m, err := ssl.New(c.Method)
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

// A rank whose images differ is refused before the first step, with the numbers and fingerprints of both.
func TestRankWithOtherImagesIsRefused(t *testing.T) {
	c, m := inTwoParts(t)
	comms, other := ranks.Local(2), make(chan error)
	go func() {
		defer comms[1].Close()
		other <- Follow(t.Context(), device, comms[1], func(Config, int) (ssl.Method, *data.Set, error) { return m, datatest.Noise(25, 16, 1), nil })
	}()
	r := &Run{Dir: filepath.Join(t.TempDir(), "run"), Config: c, Method: m, Set: datatest.Noise(24, 16, 1), Ranks: comms[0]}
	_, err := r.Pretrain(t.Context(), device)
	for rank, err := range []error{err, <-other} {
		if !errors.As(err, new(*ranks.MismatchError)) || !strings.Contains(err.Error(), "data is 24 images "+r.data[:16]+" on rank 0") {
			t.Errorf("rank %d: %v, want a MismatchError with the images", rank, err)
		}
	}
}

// A rank that fails ends the run, and the first rank names it and the cause.
func TestFirstRankReportsWhyAnotherFailed(t *testing.T) {
	c, m := inTwoParts(t)
	comms := ranks.Local(2)
	go func() {
		defer comms[1].Close()
		_ = Follow(t.Context(), device, comms[1], func(Config, int) (ssl.Method, *data.Set, error) { return nil, nil, errors.New("no such images") }) // the first rank is told
	}()
	r := &Run{Dir: filepath.Join(t.TempDir(), "run"), Config: c, Method: m, Set: datatest.Noise(24, 16, 1), Ranks: comms[0]}
	_, err := r.Pretrain(t.Context(), device)
	var lost *ranks.LostError
	if !errors.As(err, &lost) || lost.Rank != 1 || !strings.Contains(err.Error(), "no such images") {
		t.Errorf("%v, want a LostError of rank 1 with its cause", err)
	}
}

// A signal reaches all ranks while one opens its images.
func TestStopBeforeTheFirstStepIsNoLostRank(t *testing.T) {
	c, m := inTwoParts(t)
	comms := ranks.Local(2)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer comms[1].Close()
		_ = Follow(ctx, device, comms[1], func(Config, int) (ssl.Method, *data.Set, error) { // the first rank is told
			cancel()
			return nil, nil, ctx.Err()
		})
	}()
	dir := filepath.Join(t.TempDir(), "run")
	r := &Run{Dir: dir, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), Ranks: comms[0]}
	if _, err := r.Pretrain(ctx, device); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder of the run was left")
	}
}

// The first rank is stopped while it measures, and no other rank hears the signal.
func TestStopOfAMeasurementStopsAllRanks(t *testing.T) {
	c, m := inTwoParts(t)
	set, comms, other := datatest.Noise(24, 16, 1), ranks.Local(2), make(chan error)
	go func() {
		defer comms[1].Close()
		other <- Follow(context.Background(), device, comms[1], func(Config, int) (ssl.Method, *data.Set, error) { return m, set, nil })
	}()
	ctx, cancel := context.WithCancel(t.Context())
	r := &Run{Dir: filepath.Join(t.TempDir(), "run"), Config: c, Method: m, Set: set, Ranks: comms[0]}
	r.AfterEpoch = func(ctx context.Context, _ *train.Trainer) (map[string]any, error) {
		cancel()
		return nil, ctx.Err()
	}
	x, err := r.Pretrain(ctx, device)
	if x != nil {
		x.Free()
	}
	for rank, err := range []error{err, <-other} {
		if !errors.Is(err, ErrStopped) {
			t.Errorf("rank %d: %v, want ErrStopped", rank, err)
		}
	}
}

// A device that computes wrong results is found before a checkpoint is written, also before that of a stop.
func TestDivergedStatesAreNotSaved(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		c, m := inTwoParts(t)
		dir := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(t.Context())
		r := &Run{Dir: dir, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), SaveEvery: 2, Devices: []*vk.Device{device}}
		if stopped {
			r.SaveEvery = 0
		}
		r.OnStep = func(p Progress) {
			if p.Step != 2 {
				return
			}
			b := r.trainer.Store.Params()[0]
			v, err := b.Read()
			if err == nil {
				v[0]++
				err = b.Write(v)
			}
			if err != nil {
				t.Error(err)
			}
			if stopped {
				cancel()
			}
		}
		_, err := r.Pretrain(ctx, device)
		cancel()
		if !errors.As(err, new(*DivergedError)) {
			t.Errorf("%v, want a DivergedError", err)
		}
		if saved, err := filepath.Glob(filepath.Join(dir, "*.ckpt")); err != nil || len(saved) > 0 {
			t.Errorf("%v: %v was saved", err, saved)
		}
	}
}
