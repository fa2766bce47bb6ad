package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/watch"
	"github.com/marr-ssl/marr/vk"
)

// judge scores the runs of an ablation, all on the same images.
type judge struct {
	probe *probe      // nil: there are no labels
	sets  []*data.Set // to fit on and to test on; without labels one
}

// addJudge sets the judge and scores an untrained network, which also tells what judging costs.
func (a *ablation) addJudge(ctx context.Context) (err error) {
	if a.judge, err = newJudge(ctx, a.images(), a.quality.evalData, a.config.Size); err != nil {
		return err
	}
	s := &a.file.Study
	if s.Score = ablate.Rank; a.judge.probe != nil {
		s.Score, s.TestImages = ablate.Linear, a.judge.sets[1].Len()
	}
	if s.Untrained != nil {
		return nil
	}
	c := a.config
	c.Resolve(a.images())
	x, err := randomSubject(c, a.images())
	if err != nil {
		return err
	}
	start := time.Now()
	f, err := x.frozen(a.dev)
	if err != nil {
		return err
	}
	defer f.Store.Free()
	s.Untrained, err = a.judge.score(ctx, f)
	a.cost = time.Since(start)
	return err
}

// newJudge returns the judge of networks that are trained on a set: by labeled images, by a third of the set if it has labels, or without labels.
func newJudge(ctx context.Context, set *data.Set, evalData string, px int) (*judge, error) {
	var p *probe
	switch {
	case evalData != "":
		var err error
		if p, err = newProbe(ctx, set, evalData, px); err != nil {
			return nil, err
		}
	case set.NumClasses() > 1:
		train, test := splitThirds(withLabels(set))
		if train.Len() < numNeighbors || test.Len() == 0 {
			return nil, fmt.Errorf("%s has %s with a label: kNN needs at least %d to fit on, two thirds of them: use more images", set.Name, count(train.Len()+test.Len(), "image"), numNeighbors)
		}
		p = &probe{train, test}
	default:
		return &judge{sets: []*data.Set{subsample(set, maxStabilityImages)}}, nil
	}
	_, most := p.limits()
	return &judge{p, p.sample(most)}, nil
}

// describe says in words how the runs are judged.
func (j *judge) describe() string {
	if j.probe == nil {
		return fmt.Sprintf("by RankMe of the features of %s, without labels", count(j.sets[0].Len(), "image"))
	}
	return j.probe.describe(j.sets)
}

// score returns the scores of a network.
func (j *judge) score(ctx context.Context, f eval.Frozen) (map[string]float64, error) {
	enc, err := f.Encoder(j.sets...)
	if err != nil {
		return nil, err
	}
	defer enc.Free()
	var features []*eval.Features
	for _, set := range j.sets {
		x, err := enc.Features(ctx, set)
		if err != nil {
			return nil, err
		}
		features = append(features, x)
	}
	scores := map[string]float64{}
	last := features[len(features)-1]
	if m := watch.Measure(watch.Sample{Z: last.X, N: last.N, D: last.D, Accuracy: math.NaN()}); !math.IsNaN(m.Rank) {
		scores[ablate.Rank] = round(m.Rank)
	}
	if j.probe == nil {
		return scores, nil
	}
	values, _, err := j.probe.measure(ctx, 0, features)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{ablate.KNN1, ablate.KNN20, ablate.Linear} {
		if v, ok := values[name].(float64); ok {
			scores[name] = v
		}
	}
	return scores, nil
}

// isCPU reports whether a device shares the processor.
func isCPU(dev *vk.Device) bool { return dev.Info().Type == vk.CPU }
