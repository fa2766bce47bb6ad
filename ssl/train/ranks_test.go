package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/watch"
)

// onRanks trains on n ranks and returns what each reported, and its state.
func onRanks(t *testing.T, n int, c Config, m ssl.Method, set *data.Set, steps int) (results [][]StepResult, states [][]float32) {
	t.Helper()
	results, states = make([][]StepResult, n), make([][]float32, n)
	var trainers []*Trainer
	for rank, comm := range ranks.Local(n) {
		x, err := New(kernels.NewStore(device), c, Job{Name: "test", Method: m, Set: set, Ranks: comm})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Free()
		if rank == 0 {
			x.Watch = &watch.Watch{}
		}
		trainers = append(trainers, x)
	}
	var all sync.WaitGroup
	errs := make([]error, n)
	for rank, x := range trainers {
		all.Go(func() {
			errs[rank] = x.Train(context.Background(), steps, func(r StepResult) { results[rank] = append(results[rank], r) })
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for rank, x := range trainers {
		states[rank] = everything(t, x.Store)
	}
	return results, states
}

// Every rank ends with the state of a trainer that computes all parts, and reports its losses, bit for bit, for methods that use weights once and several
// times a part, with a gradient cache, queues, centers, momentum encoders, random masks and labels.
func TestRanksComputeWhatOneTrainerComputes(t *testing.T) {
	set := datatest.Noise(40, 16, 3)
	type ranksCase struct {
		ranks, parts int
		name         string
		m            ssl.Method
	}
	cases := []ranksCase{{2, 4, "simclr", &ssl.SimCLR{Temperature: 0.2, Out: 10}}, {2, 4, "byol", nil}, {2, 2, "mocov2", nil}, {2, 2, "rotation", nil}}
	if !testing.Short() {
		cases = append(cases, ranksCase{2, 2, "simclr", &ssl.SimCLR{Temperature: 0.2, Out: 10}},
			ranksCase{4, 4, "vicreg", &ssl.VICReg{Invariance: 25, Variance: 25, Covariance: 1, Out: 10}},
			ranksCase{2, 2, "dino", nil}, ranksCase{2, 2, "swav", nil}, ranksCase{2, 2, "mae", nil})
	}
	for _, x := range cases {
		m := x.m
		if m == nil {
			m = smallMethod(t, x.name)
		}
		c := configFor(m)
		c.Accumulate = x.parts
		one := trainer(t, c, m, set)
		one.Watch = &watch.Watch{}
		want := reports(t, one, 3)
		state := everything(t, one.Store)
		got, states := onRanks(t, x.ranks, c, m, set, 3)
		for rank := range states {
			if !slices.Equal(states[rank], state) {
				t.Errorf("%s: rank %d of %d differs from one trainer with %d parts", x.name, rank, x.ranks, x.parts)
			}
			for i, r := range got[rank] {
				if r.Loss != want[i].Loss || r.GradNorm != want[i].GradNorm || r.LR != want[i].LR {
					t.Errorf("%s: rank %d reports %+v, want %+v", x.name, rank, r, want[i])
				}
			}
		}
		for i, r := range got[0] {
			if fmt.Sprint(r.Accuracy) != fmt.Sprint(want[i].Accuracy) || (r.observed == nil) != (want[i].observed == nil) {
				t.Errorf("%s: rank 0 has accuracy %v, want %v", x.name, r.Accuracy, want[i].Accuracy)
			}
			if r.observed != nil && fmt.Sprint(r.observed.stats) != fmt.Sprint(want[i].observed.stats) {
				t.Errorf("%s: rank 0 observed %v, want %v", x.name, r.observed.stats, want[i].observed.stats)
			}
		}
	}
}

// smallMethod returns a registered method with narrow heads.
func smallMethod(t *testing.T, name string) ssl.Method {
	m, err := ssl.New(name)
	if err != nil {
		t.Fatal(err)
	}
	switch m := m.(type) {
	case *ssl.DINO:
		m.Prototypes, m.Hidden = 16, 16
	case *ssl.SwAV:
		m.Prototypes, m.Queue = 16, 16
	case *ssl.MoCoV2:
		m.Queue = 16
	}
	return m
}

// One rank asks to stop: all stop after the same step.
func TestRanksStopAfterTheSameStep(t *testing.T) {
	set, c := datatest.Noise(40, 16, 1), smallConfig()
	c.Accumulate = 2
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var all sync.WaitGroup
	at := make([]int, 2)
	for rank, comm := range ranks.Local(2) {
		x, err := New(kernels.NewStore(device), c, Job{Method: smallMethod(t, "simclr"), Set: set, Ranks: comm})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Free()
		all.Go(func() {
			ctx := ctx
			if rank == 0 {
				ctx = context.Background() // only rank 1 hears it
			}
			if err := x.Train(ctx, 20, func(r StepResult) {
				if at[rank] = r.Step; r.Step == 2 && rank == 1 {
					stop()
				}
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if at[0] != at[1] || at[0] < 2 || at[0] > 5 {
		t.Errorf("the ranks stopped after steps %v, want the same, soon after 2", at)
	}
}

// All ranks end with the error of the step, and rank 0 can search for its cause alone.
func TestRanksAgreeOnANumberThatIsNotFinite(t *testing.T) {
	set, c := datatest.Noise(40, 16, 1), smallConfig()
	c.LR, c.Warmup, c.Optimizer, c.Decay, c.Accumulate = 1e30, 0, "sgd", 1, 2
	var all sync.WaitGroup
	errs, first := make([]error, 2), ""
	for rank, comm := range ranks.Local(2) {
		x, err := New(kernels.NewStore(device), c, Job{Method: smallMethod(t, "simclr"), Set: set, Ranks: comm})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Free()
		all.Go(func() {
			errs[rank] = x.Train(context.Background(), 9, func(StepResult) {})
			var bad *NonFiniteError
			if rank == 0 && errors.As(errs[0], &bad) && bad.First == "" {
				first, err = x.FindNonFinite(bad.Step - 1)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for rank, err := range errs {
		var bad *NonFiniteError
		if !errors.As(err, &bad) || bad.Step != 2 || rank == 0 && bad.First == "" && first == "" {
			t.Errorf("rank %d: %v, first %q: want a NonFiniteError at step 2 with its tensor", rank, err, first)
		}
	}
}

func TestRanksNeedPartsThatDivide(t *testing.T) {
	c := smallConfig()
	_, err := New(kernels.NewStore(device), c, Job{Method: smallMethod(t, "simclr"), Set: datatest.Noise(40, 16, 1), Ranks: ranks.Local(2)[0]})
	var bad *ConfigError
	if !errors.As(err, &bad) {
		t.Errorf("1 part on 2 ranks: %v, want a ConfigError", err)
	}
}

func TestReportsArriveAsTheyWereSent(t *testing.T) {
	want := report{true, tally{[]float64{1.5, math.Inf(1)}, score{3, 8}}}
	got, rest := decodeReport(append(want.encode(), 7))
	if fmt.Sprint(got) != fmt.Sprint(want) || len(rest) != 1 || rest[0] != 7 {
		t.Errorf("got %v and %v, want %v and one byte", got, rest, want)
	}
}
