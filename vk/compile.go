package vk

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// maxCompilers is the largest number of kernels that are compiled at once: drivers take up to hundreds of megabytes for one.
const maxCompilers = 8

// Pipelines returns the compiled kernels in order, each as Pipeline does. It compiles as many at once as the process has processors, at
// most 8. The error is that of the first kernel, in order, that has one. Options.Compiling receives the progress.
func (d *Device) Pipelines(kernels []Kernel) ([]*Pipeline, error) {
	pipelines, errs := make([]*Pipeline, len(kernels)), make([]error, len(kernels))
	var next atomic.Int64
	var failed atomic.Bool
	var workers sync.WaitGroup
	progress := d.newProgress(len(kernels))
	for range min(runtime.GOMAXPROCS(0), maxCompilers, len(kernels)) {
		workers.Go(func() {
			// A worker that has taken a kernel compiles it, so that no kernel before the first that fails is left out.
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(kernels) {
					return
				}
				if pipelines[i], errs[i] = d.Pipeline(kernels[i]); errs[i] != nil {
					failed.Store(true)
				}
				progress.add()
			}
		})
	}
	workers.Wait()
	progress.end()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return pipelines, nil
}

// progress calls Options.Compiling.
type progress struct {
	report      func(done, total int) // nil: nobody wants it
	mu          sync.Mutex
	done, total int
}

func (d *Device) newProgress(total int) *progress {
	p := &progress{report: d.options.Compiling, total: total}
	if p.report != nil {
		p.report(0, total)
	}
	return p
}

func (p *progress) add() {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done++; p.done < p.total {
		p.report(p.done, p.total)
	}
}

func (p *progress) end() {
	if p.report != nil {
		p.report(p.total, p.total)
	}
}
