package data

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/marr-ssl/marr/ssl/data/store"
)

// Bounds of the memory while a cache is built: encoded files and decoded images hold at most inFlight bytes (rounded up to units) and
// at most window items per processor; on top, each processor decodes one image, within the bound of decode.Decode.
const (
	window   = 4
	unit     = 1 << 20
	inFlight = 512 << 20 // above maxFile, so that every file fits
)

// errSource marks errors of the source.
var errSource = errors.New("source")

type sourceError struct{ error }

func (e sourceError) Is(target error) bool { return target == errSource }
func (e sourceError) Unwrap() error        { return e.error }

// work decodes the items of a source in parallel and appends them in order.
type work struct {
	source   source
	list     *listing
	progress func(done, total int)
	dark     atomic.Int64 // images that were decoded to Image.Dark
}

// job is one item in the pipeline feeder → worker → writer.
type job struct {
	item  int
	image func() (Image, error)
	units int
	out   chan store.Record
	err   error
}

// run appends the items that part lacks. After an error, part holds only whole records. If ctx ends it, images that are being decoded are
// left behind: a decoder cannot be stopped, and a large image takes seconds. They use nothing of part, and their result is dropped.
func (w *work) run(ctx context.Context, part *store.Builder) error {
	parent := ctx
	ctx, cancel := context.WithCancel(ctx)
	var feeder, workers sync.WaitGroup
	defer func() {
		cancel()
		feeder.Wait()
		if parent.Err() == nil {
			workers.Wait()
		}
	}()
	procs := runtime.GOMAXPROCS(0)
	jobs, queue, budget := make(chan job), make(chan job, window*procs), make(chan struct{}, inFlight/unit)
	first := part.NumItems
	feeder.Go(func() {
		defer close(jobs)
		defer close(queue)
		for i := first; i < w.list.n && w.feed(ctx, i, jobs, queue, budget); i++ {
		}
	})
	for range procs {
		workers.Go(func() {
			for j := range jobs {
				j.out <- w.record(j)
			}
		})
	}
	for j := range queue {
		if j.err != nil {
			return sourceError{j.err}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-j.out:
			if err := part.Append(r); err != nil {
				return err
			}
		}
		for range j.units {
			<-budget
		}
		if w.progress != nil {
			w.progress(part.NumItems, w.list.n)
		}
	}
	return ctx.Err()
}

// feed sends item i to the workers once the budget allows it; it returns false when no more items are to be sent.
func (w *work) feed(ctx context.Context, i int, jobs, queue chan<- job, budget chan<- struct{}) bool {
	j := job{item: i, units: 1 + int(w.list.weight(i)/unit), out: make(chan store.Record, 1)}
	for range j.units {
		select {
		case <-ctx.Done():
			return false
		case budget <- struct{}{}:
		}
	}
	j.image, j.err = w.source.fetch(i)
	select {
	case <-ctx.Done():
		return false
	case queue <- j:
	}
	if j.err != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case jobs <- j:
	}
	return true
}

// record decodes an item and encodes it as a record.
func (w *work) record(j job) store.Record {
	img, err := j.image()
	if err != nil {
		var s systemError
		return store.NewSkipped(j.item, store.Skipped{Reason: oneLine(err.Error()), Retry: errors.As(err, &s)})
	}
	if img.Dark {
		w.dark.Add(1)
	}
	return store.NewRecord(j.item, img)
}
