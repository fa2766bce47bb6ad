package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// metric measures features while a run trains.
type metric interface {
	limits() (minImages, maxImages int)                                                                        // of a measurement
	sample(images int) []*data.Set                                                                             // the sets of a measurement of this many images
	describe(sets []*data.Set) string                                                                          // the measurement, in words
	work(d int, sets []*data.Set) float64                                                                      // floating point operations on the host, for features of width d
	start(step int)                                                                                            // called before the run continues from a step
	measure(ctx context.Context, step int, f []*eval.Features) (values map[string]any, text string, err error) // values are finite
}

// qualityOptions are the flags of pretrain for measurements.
type qualityOptions struct {
	evalData string
	every    int
	share    float64
}

func qualityFlags(fs *pflag.FlagSet) *qualityOptions {
	defer inGroup(fs, evaluationGroup)()
	o := &qualityOptions{}
	fs.StringVar(&o.evalData, "eval-data", "", "labeled images `D` for k-NN and a linear probe during training, which are "+
		"fitted on the labels of --data or, if it has none, on two thirds of D; training does not depend on them")
	fs.IntVar(&o.every, "eval-every", 1, "measure every `N` epochs and after the last, less often if --eval-share requires it; "+
		"without --eval-data: the rank of the features, and how many nearest neighbors stay the same; 0: never")
	fs.Float64Var(&o.share, "eval-share", 0.05, "largest fraction of the training time that measurements take, by counted operations; it limits how often and on how many images they run; "+
		"a run too short for it is measured once with --eval-data, and not at all without")
	return o
}

func (o *qualityOptions) check() error {
	if o.every < 0 || !(o.share > 0) {
		return usagef("--eval-every %d, --eval-share %g: want at least 0 epochs, and a fraction above 0, such as 0.05", o.every, o.share)
	}
	return nil
}

// quality measures the exported branch of a run after some epochs. Training does not depend on it. The reported result is the last measurement, not the best.
type quality struct {
	qualityOptions
	dev    *vk.Device
	metric metric
	print  func(line string)

	plan    measurementPlan
	sets    []*data.Set
	encoder *eval.Encoder
	last    string        // text of the last measurement
	start   time.Time     // of the training
	spent   time.Duration // on measurements
}

// newQuality returns the measurements of a run, nil if there are none. Sets that cannot be compared are an error before the training.
func newQuality(ctx context.Context, dev *vk.Device, o qualityOptions, dir string, train *data.Set, px int) (*quality, error) {
	if o.every == 0 {
		return nil, nil
	}
	q := &quality{qualityOptions: o, dev: dev}
	if o.evalData == "" {
		if train.Len() <= numNeighbors {
			fmt.Printf("quality is not measured: it needs more than %d images, and there are %d\n", numNeighbors, train.Len())
			return nil, nil
		}
		q.metric = &stability{set: train, dir: dir}
	} else {
		p, err := newProbe(ctx, train, o.evalData, px)
		if err != nil {
			return nil, err
		}
		q.metric = p
	}
	return q, nil
}

// onStart plans the measurements and prints the plan.
func (q *quality) onStart(t *train.Trainer) {
	epoch, feature := t.Work()
	hostCost := deviceOpsPerHostOp(q.dev.Info().Type)
	minImages, maxImages := q.metric.limits()
	batch, err := frozenBranch(t).Batch(q.metric.sample(minImages)[0].C)
	if err != nil {
		q.print(fmt.Sprintf("quality is not measured: %v", err))
		return
	}
	q.plan = planMeasurements(t.Config.Epochs, q.every, minImages, maxImages, q.share, epoch, func(images int) float64 {
		sets := q.metric.sample(images)
		return float64(eval.NumEncoded(batch, sets...))*feature + hostCost*q.metric.work(t.Backbone.Dim(), sets)
	})
	q.sets = q.metric.sample(q.plan.images)
	q.metric.start(t.Step())
	q.start = time.Now()
	timeShare := fmt.Sprintf("at most %.3g %% of the time", 100*q.share)
	if q.plan.share > q.share {
		if q.evalData == "" { // without --eval-data nobody requested it
			q.plan.every = 0
			q.print(fmt.Sprintf("quality is not measured: the run is too short to measure it in %s (--eval-share)", timeShare))
			return
		}
		timeShare = fmt.Sprintf("about %.2g %% of the time, because the run is short", 100*q.plan.share)
	}
	when := fmt.Sprintf("every %d epochs", q.plan.every)
	switch q.plan.every {
	case t.Config.Epochs:
		when = "at the end"
	case 1:
		when = "each epoch"
	}
	q.print(fmt.Sprintf("quality of the %s branch, measured %s %s: %s", cmp.Or(t.Branch(), net.Online), when, q.metric.describe(q.sets), timeShare))
}

// restart continues with the trainer that replaces one on a lost device.
func (q *quality) restart(t *train.Trainer) {
	q.free()
	q.encoder = nil
	q.metric.start(t.Step())
}

// frozenBranch returns the branch that is exported, to measure its features.
func frozenBranch(t *train.Trainer) eval.Frozen {
	return eval.Frozen{Store: t.Store, Module: t.ExportBranch(), Inputs: inputsOf(t)}
}

// afterEpoch is run.Run.AfterEpoch.
func (q *quality) afterEpoch(ctx context.Context, t *train.Trainer) (map[string]any, error) {
	epoch := t.Step() / t.PerEpoch()
	if !q.plan.due(epoch, t.Config.Epochs) {
		return nil, nil
	}
	start := time.Now()
	defer func() { q.spent += time.Since(start) }()
	if q.encoder == nil {
		var err error
		if q.encoder, err = frozenBranch(t).Encoder(q.sets...); err != nil {
			return nil, err
		}
	}
	var features []*eval.Features
	for _, set := range q.sets {
		f, err := q.encoder.Features(ctx, set)
		if err != nil {
			return nil, err
		}
		features = append(features, f)
	}
	values, text, err := q.metric.measure(ctx, t.Step(), features)
	if err != nil {
		return nil, err
	}
	q.last = fmt.Sprintf("epoch %d: %s", epoch, text)
	q.print(q.last)
	return values, nil
}

// onEnd prints the last measurement.
func (q *quality) onEnd() {
	if q.last != "" {
		q.print(fmt.Sprintf("last measurement, %s; measurements took %.1f %% of the time", q.last, 100*q.spent.Seconds()/time.Since(q.start).Seconds()))
	}
}

// free releases the encoder of the first measurement.
func (q *quality) free() {
	if q.encoder != nil {
		q.encoder.Free()
	}
}
