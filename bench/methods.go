package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"marr/kernels"
	"marr/net"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/ssl/watch"
	"marr/vk"
)

// Methods is what each method learns on the same images with the same network.
type Methods struct {
	Data   string    `json:"data"`
	Images int       `json:"images"`
	Test   int       `json:"test_images"`
	Raw    Learned   `json:"raw"`       // the pixels
	Random Learned   `json:"untrained"` // the network as it began
	Runs   []Learned `json:"runs"`
}

// Learned is one run, evaluated on its last state.
type Learned struct {
	Name   string     `json:"name"`
	Group  string     `json:"group,omitempty"` // runs of one recipe, of several seeds
	Config ssl.Config `json:"config"`
	Steps  int        `json:"steps"`
	Std    float64    `json:"embedding_std,omitempty"` // of the last look of the collapse watch; 0: it saw no embeddings
	Alarms []string   `json:"alarms,omitempty"`
	Outcome
	Peer *MethodPeer `json:"peer,omitempty"`
}

// Outcome is what a training led to.
type Outcome struct {
	Seconds float64  `json:"seconds"` // of training; 0 where it was stopped on the way
	Loss    float64  `json:"loss"`    // mean of the last epoch
	Pretext *float64 `json:"pretext"` // accuracy of the task in the last epoch, percent; nil: the method has none
	Rank    float64  `json:"rank"`    // RankMe of the test images' features
	eval.Scores
}

// MethodOptions say what is trained, and where the runs are kept.
type MethodOptions struct {
	Dir   string
	Cases []MethodCase
	Peers []PeerCommand // the first trains each case too
	Tuner *kernels.Tuner
	Say   func(format string, args ...any) // may be nil
}

// MeasureMethods trains and evaluates every case. A run lies in its own folder: what is there already is read, what was stopped goes on. When ctx
// ends, what there is comes back without an error.
func MeasureMethods(ctx context.Context, dev *vk.Device, o MethodOptions) (*Methods, error) {
	train, err := data.Open(ctx, stepData, data.Options{})
	if err != nil {
		return nil, err
	}
	test, err := data.Open(ctx, stepData+":test", data.Options{})
	if err != nil {
		return nil, err
	}
	l := &learning{MethodOptions: o, dev: dev, train: train, test: test, out: &Methods{Data: stepData, Images: train.Len(), Test: test.Len()}}
	if err := l.floors(); err != nil {
		return nil, err
	}
	for _, c := range o.Cases {
		if err := l.measure(ctx, c); errors.Is(err, ssl.ErrStopped) || ctx.Err() != nil {
			return l.out, nil
		} else if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", c.Name, err)
		}
	}
	return l.out, nil
}

// learning is one call of MeasureMethods.
type learning struct {
	MethodOptions
	dev         *vk.Device
	train, test *data.Set
	out         *Methods
}

// floors measures what takes no training, once.
func (l *learning) floors() error {
	path := filepath.Join(l.Dir, "floors.json")
	if err := readJSON(path, &[]*Learned{&l.out.Raw, &l.out.Random}); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	mean, std := l.train.Stats()
	px, _, _ := l.train.Size()
	l.out.Raw.Name, l.out.Random.Name = "raw pixels", "untrained"
	if err := l.out.Raw.judge(eval.RawPixels(l.train, px, mean, std), eval.RawPixels(l.test, px, mean, std)); err != nil {
		return err
	}
	c := methodConfig(0)
	c.Resolve(l.train)
	st := kernels.NewStore(l.dev)
	defer st.Free()
	backbone, err := net.NewResNet(st, c.Backbone(l.train.C), c.Seed)
	if err != nil {
		return err
	}
	if err := l.evaluate(&l.out.Random, st, backbone, px); err != nil {
		return err
	}
	return writeJSON(path, []*Learned{&l.out.Raw, &l.out.Random})
}

// measure adds a case to the results.
func (l *learning) measure(ctx context.Context, c MethodCase) error {
	dir := filepath.Join(l.Dir, c.Name)
	x := Learned{Name: c.Name, Group: c.Group}
	path := filepath.Join(dir, "result.json")
	err := readJSON(path, &x)
	if errors.Is(err, os.ErrNotExist) {
		if x, err = l.run(ctx, c, dir); err == nil {
			err = writeJSON(path, x)
		}
	} else if err == nil {
		err = l.same(c, x, dir)
	}
	if err != nil {
		return err
	}
	if len(l.Peers) > 0 {
		if x.Peer, err = l.peer(ctx, c, dir, x); err != nil {
			return err
		}
	}
	l.out.Runs = append(l.out.Runs, x)
	return nil
}

// same refuses what was measured of a case before its recipe changed.
func (l *learning) same(c MethodCase, was Learned, dir string) error {
	m, err := c.method()
	if err != nil {
		return err
	}
	c.Config.Resolve(l.train)
	if err := c.Config.SetViews(c.Views, m, l.train); err != nil {
		return err
	}
	a, errA := json.Marshal(was.Config)
	b, errB := json.Marshal(c.Config)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%s holds a run with other settings: remove it, or choose another --runs-dir", dir)
	}
	return nil
}

// run trains a case in its folder, from where it was left, and evaluates it.
func (l *learning) run(ctx context.Context, c MethodCase, dir string) (Learned, error) {
	m, err := c.method()
	if err != nil {
		return Learned{}, err
	}
	x := Learned{Name: c.Name, Group: c.Group}
	began, whole := time.Now(), false
	var told []string
	r := &ssl.Run{Dir: dir, Resume: true, Config: c.Config, Method: m, Views: c.Views, Set: l.train, Tuner: l.Tuner,
		Notice:  func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) },
		Started: func(t *ssl.Trainer) { whole = t.Step() == 0 },
		Tell: func(p ssl.Progress) {
			l.say("%s: step %d of %d, loss %.3f, %.0f images/s", c.Name, p.Step, p.Steps, p.Loss, p.ImagesPerSecond)
		}}
	t, err := r.Pretrain(ctx, l.dev)
	if t != nil {
		defer t.Free()
	}
	var halted *ssl.NonFiniteError
	if errors.As(err, &halted) {
		x.Config, x.Alarms = r.Config, append(told, err.Error()) // the metrics of what it was told of are gone
		return x, nil
	}
	if err != nil {
		return x, err
	}
	if whole {
		x.Seconds = time.Since(began).Seconds()
	}
	x.Config, x.Steps = t.Config, t.Steps()
	if err := x.read(filepath.Join(dir, ssl.MetricsFile)); err != nil {
		return x, err
	}
	l.say("%s: evaluating", c.Name)
	return x, l.evaluate(&x, t.Store, t.Product(), t.Config.Size)
}

// evaluate judges the features of a module.
func (l *learning) evaluate(x *Learned, st *kernels.Store, m net.Module, px int) error {
	mean, std := l.train.Stats()
	e, err := ssl.NewEncoder(l.dev, st, m, mean, std, px, l.train, l.test)
	if err != nil {
		return err
	}
	defer e.Free()
	train, err := e.Features(l.train)
	if err != nil {
		return err
	}
	test, err := e.Features(l.test)
	if err != nil {
		return err
	}
	return x.judge(train, test)
}

func (x *Learned) judge(train, test *eval.Features) (err error) {
	x.Rank = watch.Measure(watch.Sample{Z: test.X, N: test.N, D: test.D, Accuracy: math.NaN()}).Rank
	x.Scores, err = eval.Judge(train, test)
	return err
}

func (l *learning) say(format string, args ...any) {
	if l.Say != nil {
		l.Say(format, args...)
	}
}

// read takes from a run's metrics the means of loss and accuracy over the last epoch, the last look at the embeddings, and every alarm.
func (x *Learned) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var losses, rights []float64
	for lines := json.NewDecoder(bytes.NewReader(text)); ; {
		var m struct {
			Step, Epoch    int
			Loss, Accuracy *float64
			Std            float64 `json:"embedding_std"`
			Alarm          string
		}
		if err := lines.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("bench: %s: %w", path, err)
		}
		x.Std = cmp.Or(m.Std, x.Std)
		if m.Alarm != "" {
			x.Alarms = append(x.Alarms, fmt.Sprintf("step %d: %s", m.Step, m.Alarm))
		}
		if m.Epoch == x.Config.Epochs && m.Loss != nil {
			losses = append(losses, *m.Loss)
			if m.Accuracy != nil {
				rights = append(rights, 100**m.Accuracy)
			}
		}
	}
	x.Loss = mean(losses)
	if len(rights) > 0 {
		right := mean(rights)
		x.Pretext = &right
	}
	return nil
}

func readJSON(path string, to any) error {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return fmt.Errorf("bench: %s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, from any) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(from)
	})
}
