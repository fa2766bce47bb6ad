package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk/filesys"
)

// train trains and judges the runs that have no result, and writes results and pictures after each.
func (a *ablation) train(ctx context.Context) error {
	cells := a.file.Cells()
	line, notices := newWorkProgress(), map[string]bool{}
	done, start := 0, time.Now()
	if err := a.write(); err != nil {
		return err
	}
	for i, c := range cells {
		if a.file.Find(c) != nil {
			continue
		}
		p, err := a.planner(ctx, c)
		if err != nil {
			return err
		}
		r := p.run()
		r.Dir, r.Resume, r.Flags = runOf(a.out, c), true, nil
		r.OnStep = func(x run.Progress) {
			line.update(done*x.Steps+x.Step, (len(cells)-len(a.file.Results)+done)*x.Steps, func(float64) string {
				return fmt.Sprintf("run %d of %d: %s, seed %d, step %d of %d", i+1, len(cells), c.Name, c.Seed, x.Step, x.Steps)
			})
		}
		r.Notice = func(format string, args ...any) {
			if text := fmt.Sprintf(format, args...); !strings.HasPrefix(text, "step ") && !notices[text] { // alarms are in the result
				notices[text] = true
				line.end()
				note("%s", text)
			}
		}
		x, err := a.runCell(ctx, c, r)
		line.clear()
		if err != nil {
			a.show()
			return err
		}
		done++
		a.file.Results = append(a.file.Results, x)
		left := time.Duration(float64(time.Since(start)) / float64(done) * float64(len(cells)-len(a.file.Results)))
		printLine(os.Stdout, "%d/%d %s, seed %d: %s  %s left", len(a.file.Results), len(cells), c.Name, c.Seed, a.describe(x), formatDuration(left))
		if err := a.write(); err != nil {
			return err
		}
		if !a.keep {
			if err := os.RemoveAll(r.Dir); err != nil {
				return err
			}
		}
	}
	os.Remove(filepath.Join(a.out, "runs")) // fails while there are runs in it
	a.show()
	return nil
}

// runCell trains a run, from its last checkpoint if there is one, and judges it. A run that diverges has a result too.
func (a *ablation) runCell(ctx context.Context, c ablate.Cell, r *run.Run) (ablate.Result, error) {
	start, x := time.Now(), ablate.Result{Cell: c}
	if text, ok := a.texts[c.Name]; ok {
		if err := writeText(viewsOf(a.out, c), text); err != nil {
			return x, err
		}
	}
	t, err := r.Pretrain(ctx, a.dev)
	if t != nil {
		defer t.Free()
	}
	var diverged *train.NonFiniteError
	if errors.As(err, &diverged) {
		x.Failure = oneLine(err)
		return x, nil
	}
	if errors.Is(err, run.ErrStopped) {
		return x, fmt.Errorf("%w in the run %s, seed %d: %d of %d runs are done, and results are in %s", err, c.Name, c.Seed, len(a.file.Results), len(a.file.Cells()), a.out)
	}
	if err != nil {
		return x, err
	}
	x.Steps = t.Steps()
	loss, alarms, err := lastEpoch(filepath.Join(r.Dir, run.MetricsFile), r.Config.Epochs)
	if err != nil {
		return x, err
	}
	if x.Scores, err = a.judge.score(ctx, frozenBranch(t)); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w while the run %s, seed %d, was judged", run.ErrStopped, c.Name, c.Seed)
		}
		return x, err
	}
	x.Scores[ablate.Loss], x.Alarms, x.Seconds = loss, alarms, time.Since(start).Seconds()
	return x, nil
}

// lastEpoch returns the mean loss of a run's last epoch, and its alarms.
func lastEpoch(path string, epochs int) (loss float64, alarms []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, nil, err
	}
	n := 0
	for lines := json.NewDecoder(bytes.NewReader(text)); ; {
		var m struct {
			Step, Epoch int
			Loss        *float64
			Alarm       string
		}
		if err := lines.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", path, err)
		}
		if m.Alarm != "" {
			alarms = append(alarms, fmt.Sprintf("step %d: %s", m.Step, m.Alarm))
		}
		if m.Epoch == epochs && m.Loss != nil {
			loss, n = loss+*m.Loss, n+1
		}
	}
	return round(loss / float64(max(n, 1))), alarms, nil
}

// describe returns the scores of a run in words.
func (a *ablation) describe(x ablate.Result) string {
	if x.Failure != "" {
		return "diverged: " + x.Failure
	}
	var parts []string
	for _, name := range a.file.Scores() {
		if v, ok := x.Scores[name]; ok {
			parts = append(parts, ablate.Title(name)+" "+ablate.Format(name, v))
		}
	}
	if len(x.Alarms) > 0 {
		what := strings.SplitN(x.Alarms[0], ": ", 3) // the step, what happened, and what to do, which is in ablation.json
		parts = append(parts, "alarm at "+strings.Join(what[:min(2, len(what))], ": "))
	}
	return strings.Join(parts, ", ")
}

// write writes the results and a picture of each score.
func (a *ablation) write() error {
	f := a.file
	f.Reading, f.Tables = f.Study.Reading(), map[string]ablate.Table{}
	for _, score := range f.Scores() {
		if f.Tables[score] = f.Table(score); !f.Has(score) {
			continue
		}
		err := net.WriteFileAtomic(filepath.Join(a.out, score+".png"), func(w io.Writer) error { return f.WritePicture(w, score) })
		if err != nil {
			return err
		}
	}
	return bench.WriteJSON(filepath.Join(a.out, ablationJSON), f)
}

// show prints the results so far.
func (a *ablation) show() {
	fmt.Println()
	a.file.WriteTable(os.Stdout)
	fmt.Printf("\n%s\n\n", a.file.Reading)
	if a.file.Has(a.file.Score) {
		printLine(os.Stdout, "%s: picture of the score", filepath.Join(a.out, a.file.Score+".png"))
	}
	printLine(os.Stdout, "%s: all results; a page of them: marr report %s --out report.html", filepath.Join(a.out, ablationJSON), quoted(a.out))
}

// lockFolder makes a folder and locks it until release, so that two processes do not train the same runs.
func lockFolder(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("--out %s: %w: choose another folder", dir, err)
	}
	f, err := filesys.Lock(filepath.Join(dir, "lock"))
	if err != nil && !errors.Is(err, filesys.ErrNoLocks) {
		return nil, fmt.Errorf("--out %s: %w: choose another folder", dir, err)
	}
	if f == nil {
		return nil, fmt.Errorf("--out %s: another process trains in this folder: wait for its end, or choose another folder", dir)
	}
	return func() {
		os.Remove(f.Name())
		f.Close()
	}, nil
}

// writeText writes a text file and the folder that it is in.
func writeText(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}
