package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/parallel"
	"github.com/marr-ssl/marr/ssl/views"
)

// SGDRates are the learning rates that LinearSGD tries by default. They enclose the published ones: 0.001 to 0.3 for DINO, 30 for MoCo.
var SGDRates = []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30}

// SGDOptions are the settings of LinearSGD. The zero value is the published protocol.
type SGDOptions struct {
	Epochs   int                          // 0: 100
	Batch    int                          // 0: 256
	Rates    []float64                    // learning rates that are tried; nil: SGDRates
	Seed     uint64                       // of shuffles and augmentations
	Progress func(epoch, step, steps int) // called after each step of an epoch, epochs counted from 0; nil: not
}

// RateScore is a learning rate with the accuracy on the held-out images in percent; NaN: the classifier diverged.
type RateScore struct{ Rate, Percent float64 }

// SGDResult is the result of LinearSGD.
type SGDResult struct {
	Percent float64     // accuracy on the test images
	Rate    float64     // the best on the held-out images
	HeldOut int         // number of held-out training images
	Rates   []RateScore // of all rates that were tried
}

const (
	sgdMomentum    = 0.9
	heldOutEvery   = 10         // image of a class
	streamSGDProbe = 0x4c505347 // of the shuffles, by epoch
)

// LinearSGD trains a linear classifier on frozen features as published results do, and returns its accuracy on the test set: SGD with a
// momentum of 0.9 and no weight decay on the mean cross-entropy of batches of 256, for 100 epochs, with the learning rate rate·(1 + cos(π·epoch/epochs))/2,
// on random resized crops and flips (views.LinearProbe). Features are not normalized. Weights and biases start at 0; PyTorch's start at random.
// Sources: eval_linear.py of facebookresearch/dino; He et al. 2020, arXiv:1911.05722, section 4.1, with steps in place of the cosine.
//
// The rate is chosen on every tenth training image of each class: for each rate one classifier is trained without these images, and one with all. The result
// is that of the latter for the rate at which the former is most accurate or, among equal ones, has the lowest loss. So the test set chooses nothing. All
// classifiers share the features of an epoch. Memory: a batch of features, and 6·classes·(D + 1) float64 for each rate.
func LinearSGD(ctx context.Context, f Frozen, trainSet, test *data.Set, o SGDOptions) (SGDResult, error) {
	if o.Epochs == 0 {
		o.Epochs = 100
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.Rates == nil {
		o.Rates = SGDRates
	}
	if o.Epochs < 0 || o.Batch < 0 || len(o.Rates) == 0 {
		return SGDResult{}, fmt.Errorf("eval: linear: %d epochs, a batch of %d and %d rates: want at least 1 of each", o.Epochs, o.Batch, len(o.Rates))
	}
	p, err := newSGDProbe(trainSet, test, o)
	if err != nil {
		return SGDResult{}, err
	}
	augmented, err := f.encoder(views.LinearProbe, o.Batch, o.Seed, trainSet)
	if err != nil {
		return SGDResult{}, err
	}
	defer augmented.Free()
	n := trainSet.Len()
	for epoch := range o.Epochs {
		order, images := rng.NewPermutation(n, o.Seed, streamSGDProbe, uint32(epoch)), make([]int, n)
		for i := range images {
			images[i] = order.At(i)
		}
		schedule := (1 + math.Cos(math.Pi*float64(epoch)/float64(o.Epochs))) / 2
		step := regroup(n, augmented.batch, o.Batch, func(first, size int, x []float32) error {
			if err := p.step(ctx, images[first:first+size], x, schedule); err != nil {
				return err
			}
			if o.Progress != nil {
				o.Progress(epoch, first/o.Batch+1, (n+o.Batch-1)/o.Batch)
			}
			return nil
		})
		if err := augmented.encode(ctx, trainSet, images, uint32(epoch), step); err != nil {
			return SGDResult{}, err
		}
	}
	return p.choose(ctx, f, trainSet, test)
}

// regroup returns a function for Encoder.encode that receives the features of n images in runs of `part` images, and passes them on in batches. The last one
// of both may be smaller.
func regroup(n, part, batch int, pass func(first, size int, x []float32) error) func(first int, x []float32) error {
	var rows []float32 // features of the images from `passed` on
	passed := 0
	return func(first int, x []float32) error {
		rows = append(rows, x...)
		received := min(first+part, n)
		width := len(rows) / (received - passed)
		for size := min(batch, n-passed); size > 0 && size <= received-passed; size = min(batch, n-passed) {
			if err := pass(passed, size, rows[:size*width]); err != nil {
				return err
			}
			passed += size
			rows = append(rows[:0], rows[size*width:]...)
		}
		return nil
	}
}

// sgdProbe holds the classifiers that LinearSGD trains.
type sgdProbe struct {
	trainLabels, testLabels []int32
	classes, d              int // d: width of the features, known after the first batch
	heldOut                 []bool
	heads                   []*sgdHead // for each rate, one that is trained on all images after one that is trained without the held-out ones
}

// sgdHead is a linear classifier: W [classes D] row by row, then b [classes].
type sgdHead struct {
	rate              float64
	all               bool // it is trained on the held-out images too
	w, velocity, grad []float64
	diverged          bool
	correct           int     // images of the set that was measured last
	loss              float64 // sum of their cross-entropies
}

func newSGDProbe(trainSet, test *data.Set, o SGDOptions) (*sgdProbe, error) {
	p := &sgdProbe{}
	var err error
	if p.trainLabels, p.testLabels, p.classes, err = countFromZero(trainSet.Name, trainSet.Labels, test.Name, test.Labels); err != nil {
		return nil, err
	}
	if p.heldOut = holdOut(p.trainLabels, p.classes); p.heldOut == nil {
		return nil, fmt.Errorf("eval: linear: %s has one image per class: the learning rate is chosen on held-out images: give more images", trainSet.Name)
	}
	for _, rate := range o.Rates {
		if !(rate > 0) || math.IsInf(rate, 1) {
			return nil, fmt.Errorf("eval: linear: learning rate %g: want a number above 0", rate)
		}
		p.heads = append(p.heads, &sgdHead{rate: rate}, &sgdHead{rate: rate, all: true})
	}
	return p, nil
}

// holdOut marks every tenth image of each class or, if no class has ten, the last image of the largest classes; nil if all classes have one image.
func holdOut(labels []int32, classes int) []bool {
	counts := make([]int, classes)
	most := 0
	for _, y := range labels {
		counts[y]++
		most = max(most, counts[y])
	}
	if most < 2 {
		return nil
	}
	every := min(heldOutEvery, most)
	clear(counts)
	out := make([]bool, len(labels))
	for i, y := range labels {
		counts[y]++
		out[i] = counts[y]%every == 0
	}
	return out
}

// rows returns those of a batch of features [n D] that keep selects, as a problem without penalty.
func (p *sgdProbe) rows(images []int, x []float32, labels []int32, keep func(image int) bool) *probe {
	var chosen []int
	for row, image := range images {
		if keep(image) {
			chosen = append(chosen, row)
		}
	}
	q := &probe{x: newMatrix(len(chosen), p.d), d: p.d, classes: p.classes, each: serial}
	for i, row := range chosen {
		copy(q.x.row(i), x[row*p.d:(row+1)*p.d])
		q.labels = append(q.labels, labels[images[row]])
	}
	return q
}

// step updates all classifiers by the features x [n D] of a batch of training images.
func (p *sgdProbe) step(ctx context.Context, images []int, x []float32, schedule float64) error {
	p.d = len(x) / len(images)
	if err := (&Features{N: len(images), D: p.d, X: x}).finite("train set"); err != nil {
		return err
	}
	all := p.rows(images, x, p.trainLabels, func(int) bool { return true })
	part := p.rows(images, x, p.trainLabels, func(image int) bool { return !p.heldOut[image] })
	parallel.Each(len(p.heads), func(i int) {
		if h := p.heads[i]; h.all {
			h.update(ctx, all, schedule)
		} else if part.x.n > 0 {
			h.update(ctx, part, schedule)
		}
	})
	return nil
}

// update takes a step of SGD as PyTorch does: velocity ← 0.9·velocity + gradient, w ← w − rate·velocity.
func (h *sgdHead) update(ctx context.Context, batch *probe, schedule float64) {
	if size := batch.classes * (batch.d + 1); h.w == nil {
		h.w, h.velocity, h.grad = make([]float64, size), make([]float64, size), make([]float64, size)
	}
	if h.diverged {
		return
	}
	loss := batch.value(ctx, h.w, h.grad)
	h.diverged = math.IsNaN(loss) || math.IsInf(loss, 0)
	for i, g := range h.grad {
		h.velocity[i] = sgdMomentum*h.velocity[i] + g
		h.w[i] -= h.rate * schedule * h.velocity[i]
	}
}

// choose measures all classifiers on the held-out images, and the chosen one on the test set.
func (p *sgdProbe) choose(ctx context.Context, f Frozen, trainSet, test *data.Set) (SGDResult, error) {
	var heldOut []int
	for i, held := range p.heldOut {
		if held {
			heldOut = append(heldOut, i)
		}
	}
	plain, err := f.Encoder(trainSet, test)
	if err != nil {
		return SGDResult{}, err
	}
	defer plain.Free()
	if err := p.measure(ctx, plain, trainSet, heldOut, p.trainLabels, p.heads); err != nil {
		return SGDResult{}, err
	}
	r := SGDResult{HeldOut: len(heldOut)}
	var best, chosen *sgdHead
	for i := 0; i < len(p.heads); i += 2 {
		selects, result := p.heads[i], p.heads[i+1]
		score := RateScore{selects.rate, 100 * float64(selects.correct) / float64(len(heldOut))}
		if selects.diverged || result.diverged {
			score.Percent = math.NaN()
		} else if best == nil || selects.better(best) {
			best, chosen = selects, result
		}
		r.Rates = append(r.Rates, score)
	}
	if best == nil {
		return r, fmt.Errorf("eval: linear: SGD diverges at all learning rates from %g on: measure with L-BFGS", p.heads[0].rate)
	}
	if err := p.measure(ctx, plain, test, span(0, test.Len()), p.testLabels, []*sgdHead{chosen}); err != nil {
		return r, err
	}
	r.Rate, r.Percent = chosen.rate, 100*float64(chosen.correct)/float64(test.Len())
	return r, nil
}

// better compares by accuracy and, among equal ones, by the cross-entropy.
func (h *sgdHead) better(than *sgdHead) bool {
	return h.correct > than.correct || h.correct == than.correct && h.loss < than.loss
}

// measure sets the number of images of a set that each classifier classifies correctly, and its loss.
func (p *sgdProbe) measure(ctx context.Context, e *Encoder, set *data.Set, images []int, labels []int32, heads []*sgdHead) error {
	for _, h := range heads {
		h.correct, h.loss = 0, 0
	}
	return e.encode(ctx, set, images, 0, func(first int, x []float32) error {
		batch := p.rows(images[first:min(first+e.batch, len(images))], x, labels, func(int) bool { return true })
		parallel.Each(len(heads), func(i int) {
			if h := heads[i]; !h.diverged {
				correct, loss := batch.score(h.w, batch.x, batch.labels)
				h.correct, h.loss = h.correct+correct, h.loss+loss
			}
		})
		return nil
	})
}
