package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"marr/net"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/vk"
)

// gauge is a way to measure features while a run trains.
type gauge interface {
	limits() (least, most int)                                                            // images of a measurement
	pick(images int) []*data.Set                                                          // those
	about(sets []*data.Set) string                                                        // what they are
	work(d int, sets []*data.Set) float64                                                 // floating point operations on the host, of features of width d
	begin(step int)                                                                       // the run goes on from here
	measure(step int, f []*eval.Features) (values map[string]any, text string, err error) // values are finite
}

// qualityOptions are the flags of pretrain for it.
type qualityOptions struct {
	judged string
	every  int
	share  float64
}

func qualityFlags(fs *pflag.FlagSet) *qualityOptions {
	o := &qualityOptions{}
	fs.StringVar(&o.judged, "eval-data", "", "labelled images `D` to measure kNN and a linear probe on while training, by the labels of --data or, where it has none, of two thirds of D; decides nothing")
	fs.IntVar(&o.every, "eval-every", 1, "measure after each `N`th epoch and the last, less often where --eval-share needs it; without --eval-data: rank of the features, and how many neighbours stay; 0: never")
	fs.Float64Var(&o.share, "eval-share", 0.05, "largest share of the training's time that measuring takes, by counted work: it sets the number of images")
	return o
}

func (o *qualityOptions) check() error {
	if o.every < 0 || !(o.share > 0) {
		return usagef("--eval-every %d, --eval-share %g: want epochs from 0, and a share above 0, such as 0.05", o.every, o.share)
	}
	return nil
}

// quality measures a run's product after some of its epochs. It decides nothing, and the last measurement is the result, not the best.
type quality struct {
	qualityOptions
	dev       *vk.Device
	gauge     gauge
	mean, std []float64 // of all training images
	say       func(line string)

	plan    timetable
	sets    []*data.Set
	encoder *ssl.Encoder
	last    string
	began   time.Time
	spent   time.Duration
}

// newQuality refuses sets that do not go together before anything is trained; nil: nothing is to be measured.
func newQuality(ctx context.Context, dev *vk.Device, o qualityOptions, dir string, train *data.Set, px int) (*quality, error) {
	if o.every == 0 {
		return nil, nil
	}
	q := &quality{qualityOptions: o, dev: dev}
	if o.judged == "" {
		if train.Len() <= judgeNeighbour {
			fmt.Printf("no quality is measured: each image is asked for its nearest %d, and there are %d\n", judgeNeighbour, train.Len())
			return nil, nil
		}
		q.gauge = &settling{set: train, dir: dir}
	} else {
		j, err := newJudge(ctx, train, o.judged, px)
		if err != nil {
			return nil, err
		}
		q.gauge = j
	}
	q.mean, q.std = train.Stats()
	return q, nil
}

// started plans, and says what it planned.
func (q *quality) started(t *ssl.Trainer) {
	epoch, feature := t.Work()
	host := perHost(q.dev.Info().Type)
	least, most := q.gauge.limits()
	q.plan = planned(t.Config.Epochs, q.every, least, most, q.share, epoch, func(images int) float64 {
		sets := q.gauge.pick(images)
		return float64(ssl.Passes(sets...))*feature + host*q.gauge.work(t.Backbone.Dim(), sets)
	})
	q.sets = q.gauge.pick(q.plan.images)
	q.gauge.begin(t.Step())
	q.began = time.Now()
	bound := fmt.Sprintf("at most %.3g %% of the time", 100*q.share)
	if q.plan.share > q.share {
		if q.judged == "" { // nobody asked for it
			q.plan.every = 0
			q.say(fmt.Sprintf("no quality is measured: the run is too short for it in %s (--eval-share)", bound))
			return
		}
		bound = fmt.Sprintf("about %.2g %% of the time, for the run is short", 100*q.plan.share)
	}
	when := fmt.Sprintf("each %d epochs", q.plan.every)
	switch q.plan.every {
	case t.Config.Epochs:
		when = "in the end"
	case 1:
		when = "each epoch"
	}
	q.say(fmt.Sprintf("quality of the %s branch %s %s: %s", cmp.Or(t.Branch(), net.Online), when, q.gauge.about(q.sets), bound))
}

// afterEpoch is the hook of ssl.Run.
func (q *quality) afterEpoch(t *ssl.Trainer) (map[string]any, error) {
	epoch := t.Step() / t.PerEpoch()
	if !q.plan.due(epoch, t.Config.Epochs) {
		return nil, nil
	}
	began := time.Now()
	defer func() { q.spent += time.Since(began) }()
	if q.encoder == nil {
		var err error
		if q.encoder, err = ssl.NewEncoder(q.dev, t.Store, t.Product(), q.mean, q.std, t.Config.Size, q.sets...); err != nil {
			return nil, err
		}
	}
	var features []*eval.Features
	for _, set := range q.sets {
		f, err := q.encoder.Features(set)
		if err != nil {
			return nil, err
		}
		features = append(features, f)
	}
	values, text, err := q.gauge.measure(t.Step(), features)
	if err != nil {
		return nil, err
	}
	q.last = fmt.Sprintf("epoch %d: %s", epoch, text)
	q.say(q.last)
	return values, nil
}

// ended says what the run ends with.
func (q *quality) ended() {
	if q.last != "" {
		q.say(fmt.Sprintf("last measurement, %s; measuring took %.1f %% of the time", q.last, 100*q.spent.Seconds()/time.Since(q.began).Seconds()))
	}
}

// free releases what the first measurement made.
func (q *quality) free() {
	if q.encoder != nil {
		q.encoder.Free()
	}
}
