package methods

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/watch"
	"github.com/marr-ssl/marr/vk"
)

// Comparison is what each method learns from the same images with the same network.
type Comparison struct {
	Data         string `json:"data"`
	Images       int    `json:"images"`
	TestImages   int    `json:"test_images"`
	RawPixels    Run    `json:"raw"`
	Untrained    Run    `json:"untrained"`              // the network with its initial weights
	UntrainedViT Run    `json:"untrained_vit,omitzero"` // the vision transformer with its initial weights
	Runs         []Run  `json:"runs"`
}

// Run is one training run, evaluated at its last step.
type Run struct {
	Name         string     `json:"name"`
	Group        string     `json:"group,omitempty"` // shared by the runs of one recipe with several seeds
	Config       run.Config `json:"config"`
	Steps        int        `json:"steps"`
	EmbeddingStd float64    `json:"embedding_std,omitempty"` // at the last check of the collapse watch; 0: the method has no embeddings
	Alarms       []string   `json:"alarms,omitempty"`        // of the collapse watch
	Outcome
	Peer *Peer `json:"peer,omitempty"`
}

// Outcome is the result of a training run.
type Outcome struct {
	Seconds float64  `json:"seconds"` // training time; 0: the run was stopped and resumed
	Loss    float64  `json:"loss"`    // mean over the last epoch
	Pretext *float64 `json:"pretext"` // accuracy of the pretext task in the last epoch, percent; nil: the method has none
	Rank    float64  `json:"rank"`    // RankMe of the features of the test images
	eval.Scores
}

// Options choose the runs and where they are stored.
type Options struct {
	Dir         string    // has a folder for each run
	Train, Test *data.Set // of the same classes
	Size        int       // side of the views, pixels
	Cases       []Case
	Peers       []bench.PeerCommand // the first one trains each case too
	Tuner       *kernels.Tuner
	Log         func(format string, args ...any) // reports progress; may be nil
}

// Compare trains and evaluates every case. It reads the results of completed runs from their folders and resumes stopped runs. When ctx
// ends, it returns the completed runs without an error.
func Compare(ctx context.Context, dev *vk.Device, o Options) (*Comparison, error) {
	c := &comparer{Options: o, dev: dev, out: &Comparison{Data: o.Train.Name, Images: o.Train.Len(), TestImages: o.Test.Len()}}
	if err := c.baselines(ctx); err != nil {
		return nil, err
	}
	for _, x := range o.Cases {
		if err := c.add(ctx, x); errors.Is(err, run.ErrStopped) || ctx.Err() != nil {
			return c.out, nil
		} else if err != nil {
			return nil, fmt.Errorf("bench: %s: %w", x.Name, err)
		}
	}
	return c.out, nil
}

// comparer is the state of one call of Compare.
type comparer struct {
	Options
	dev *vk.Device
	out *Comparison
}

// baselines evaluates the raw pixels and the untrained networks, or reads their results.
func (c *comparer) baselines(ctx context.Context) error {
	path, out := filepath.Join(c.Dir, "baselines.json"), c.out
	err := bench.ReadJSON(path, &[]*Run{&out.RawPixels, &out.Untrained, &out.UntrainedViT})
	if complete := out.UntrainedViT.Name != ""; err == nil && complete || err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	mean, std := c.Train.Stats()
	out.RawPixels.Name, out.Untrained.Name, out.UntrainedViT.Name = "raw pixels", "untrained", "untrained vit-tiny"
	train, err := eval.RawPixels(ctx, c.Train, c.Size, mean, std)
	if err != nil {
		return err
	}
	test, err := eval.RawPixels(ctx, c.Test, c.Size, mean, std)
	if err != nil {
		return err
	}
	if err := out.RawPixels.setScores(ctx, train, test); err != nil {
		return err
	}
	if err := c.untrained(ctx, &out.Untrained, demoConfig(0)); err != nil {
		return err
	}
	if err := c.untrained(ctx, &out.UntrainedViT, transformerConfig(0)); err != nil {
		return err
	}
	return bench.WriteJSON(path, []*Run{&out.RawPixels, &out.Untrained, &out.UntrainedViT})
}

// untrained evaluates the network of a configuration with its initial weights.
func (c *comparer) untrained(ctx context.Context, out *Run, config run.Config) error {
	config.Size = c.Size
	config.Resolve(c.Train)
	st := kernels.NewStore(c.dev)
	defer st.Free()
	network, err := config.Network(c.Train.C)
	if err != nil {
		return err
	}
	backbone, err := network.New(st, config.Seed)
	if err != nil {
		return err
	}
	out.Config = config
	return c.evaluate(ctx, out, st, backbone, config.Size)
}

// add appends the run of a case and of its peer to the comparison.
func (c *comparer) add(ctx context.Context, x Case) error {
	dir := filepath.Join(c.Dir, x.Name)
	run := Run{Name: x.Name, Group: x.Group}
	path := filepath.Join(dir, "result.json")
	err := bench.ReadJSON(path, &run)
	if errors.Is(err, os.ErrNotExist) {
		if run, err = c.pretrain(ctx, x, dir); err == nil {
			err = bench.WriteJSON(path, run)
		}
	} else if err == nil {
		err = c.checkConfig(x, run, dir)
	}
	if err != nil {
		return err
	}
	if len(c.Peers) > 0 {
		if run.Peer, err = c.peer(ctx, x, dir, run); err != nil {
			return err
		}
	}
	c.out.Runs = append(c.out.Runs, run)
	return nil
}

// checkConfig returns an error if a stored run has settings other than the case.
func (c *comparer) checkConfig(x Case, stored Run, dir string) error {
	m, err := x.method()
	if err != nil {
		return err
	}
	x.Config.Resolve(c.Train)
	stored.Config.Resolve(c.Train) // it may lack settings that are newer
	if err := x.Config.SetViews(x.Views, m, c.Train); err != nil {
		return err
	}
	a, errA := json.Marshal(stored.Config)
	b, errB := json.Marshal(x.Config)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%s holds a run with other settings: remove it, or choose another --runs-dir", dir)
	}
	return nil
}

// evaluate sets the scores of a module's features.
func (c *comparer) evaluate(ctx context.Context, run *Run, st *kernels.Store, m net.Module, px int) error {
	mean, std := c.Train.Stats()
	e, err := eval.NewEncoder(st, m, eval.Inputs{Mean: mean, Std: std, Size: px}, c.Train, c.Test)
	if err != nil {
		return err
	}
	defer e.Free()
	train, err := e.Features(ctx, c.Train)
	if err != nil {
		return err
	}
	test, err := e.Features(ctx, c.Test)
	if err != nil {
		return err
	}
	return run.setScores(ctx, train, test)
}

func (run *Run) setScores(ctx context.Context, train, test *eval.Features) (err error) {
	run.Rank = watch.Measure(watch.Sample{Z: test.X, N: test.N, D: test.D, Accuracy: math.NaN()}).Rank
	run.Scores, err = eval.EvaluateFrozen(ctx, train, test)
	return err
}

func (c *comparer) log(format string, args ...any) {
	if c.Log != nil {
		c.Log(format, args...)
	}
}
